import Foundation
import SystemPackage
import Testing

@testable import NextcloudStorage

@Suite struct LayoutSampleTests {
  struct Instance: CustomTestStringConvertible {
    let name: String
    let snapshot: String
    var testDescription: String { name }
  }

  static let all = [
    Instance(name: "nc32-sqlite-master", snapshot: "db.sqlite3"),
    Instance(name: "nc32-mariadb-master", snapshot: "db.mysql.sql"),
    Instance(name: "nc32-pgsql-master", snapshot: "db.pg.sql"),
    Instance(name: "nc32-userkeys", snapshot: "db.sqlite3"),
    Instance(name: "nc32-legacy", snapshot: "db.sqlite3"),
    Instance(name: "nc32-external", snapshot: "db.sqlite3"),
    Instance(name: "nc32-s3", snapshot: "db.sqlite3"),
  ]

  @Test(arguments: all) func explore(instance: Instance) throws {
    let layout = try LayoutSample.layout(instance.name, snapshot: instance.snapshot)
    let content = try LayoutSample.content(layout)
    print("==", instance.name)
    dump(layout.inventory)
    let expected = Set(try LayoutSample.list(LayoutSample.instances.appending(path: instance.name + "/expected")).map(\.path))
    func name(_ file: ContentFile) -> String {
      if instance.name == "nc32-s3" { return (file.owner ?? "?") + "/" + (file.row?.path ?? file.path.string) }
      return file.path.string.hasPrefix("data/") ? String(file.path.string.dropFirst(5)) : file.path.string
    }
    let found = Set(content.filter(\.isThere).map(name))
    print("MISSING", expected.subtracting(found).sorted())
    print("INVENTED", found.subtracting(expected).sorted())
    for file in content where !file.isThere { print("ABSENT", file.path, file.absence!, file.row?.path ?? "") }
    for file in content where file.isThere && file.row == nil { print("NOROW", file.path, file.kind) }
    for file in content where file.isThere && file.keyPlaces.isEmpty && file.row?.encrypted != 0 { print("NOKEY", file.path, file.row?.encrypted ?? -1) }
    for orphan in try LayoutSample.orphans(layout) { print("ORPHAN", orphan.name, orphan.reason) }
  }
}
