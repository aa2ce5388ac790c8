import Crypto
import SLIP39
import Testing

@Suite struct WordListTests {
  @Test func theListIsTheOnePublishedWithSLIP0039() {
    let published = WordList.words.map { $0 + "\n" }.joined()
    let digest = SHA256.hash(data: Array(published.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(digest == "bcc4555340332d169718aed8bf31dd9d5248cb7da6e5d355140ef4f1e601eec3")
    #expect(WordList.words.count == WordList.count)
  }

  @Test func everyWordIsFoundWholeCutAndInCapitals() {
    for (index, word) in WordList.words.enumerated() {
      #expect(WordList.word(at: index) == word)
      for length in 4...word.utf8.count {
        #expect(WordList.index(of: word.prefix(length)) == index)
        #expect(WordList.index(of: word.prefix(length).uppercased()) == index)
      }
    }
  }

  @Test(arguments: [
    "", "aca", "acadx", "academics", "zzzz", "aaaa", "acad mic", "academic ", "äcad", "acid\u{0}", "ACI\u{1}", "@cad",
  ])
  func whatIsNoWordOfTheListIsNotFound(_ text: String) {
    #expect(WordList.index(of: text) == nil)
  }

  @Test func valuesOutsideOfTheListHaveNoWord() {
    #expect(WordList.word(at: -1) == nil)
    #expect(WordList.word(at: 1024) == nil)
    #expect(WordList.word(at: .max) == nil)
  }
}
