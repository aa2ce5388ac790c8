import BackupSources
import SystemPackage
import Testing

@Suite struct BackupErrorTests {
  @Test func everyErrorSaysWhatHappenedAndWhatToDoOnOneLine() {
    let errors: [BackupError] = [
      .notThere("x"), .notABackup("x", "a file"), .unreadable("x", "why"), .changedWhileReading("x"),
    ]
    for error in errors {
      #expect(!error.problem.contains("\n") && error.problem.contains("x"))
      #expect(!error.hint.contains("\n") && !error.hint.isEmpty)
    }
  }
}
