import SecretMemory

@testable import AgeFormat
@testable import EscrowBundle

/// age files and age keys.
enum AgeInput {
  static func readFile(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    var summary: [String] = []
    do {
      let header = try AgeReader(BytesSource(bytes)).readHeader()
      // One text for each header: what is accepted is written back bit for bit.
      if bytes.first == UInt8(ascii: "a"), !bytes.starts(with: header.bytes) {
        return ("a header is not written back as it was read", "")
      }
      if header.stanzas.isEmpty { return ("a header without stanzas was accepted", "") }
      summary += header.stanzas.map { "\($0.type) \($0.arguments) \($0.body.count)" }
      let escrow = try EscrowHeader(header)
      summary.append(escrow.signer.publicKey.description)
      if let stanza = escrow.passphrase { summary.append("\(try PassphraseStanza(stanza).parameters)") }
    } catch let error as AgeError {
      summary.append("\(error)")
    } catch let error as EscrowError {
      if let objection = StatedProblem.objection(error.problem, error.hint) { return (objection, "") }
      summary.append(error.problem)
    } catch {
      return ("an error of no module: \(error)", "")
    }
    do throws(EscrowError) {
      let file = try Escrow.inspectSealed(BytesSource(bytes))
      if file.size != bytes.count { return ("an escrow file of \(bytes.count) bytes is said to have \(file.size)", "") }
      summary.append("\(file)")
    } catch {
      if let objection = StatedProblem.objection(error.problem, error.hint) { return (objection, "") }
      summary.append(error.problem)
    }
    return (nil, summary.joined(separator: "\u{1}"))
  }

  static func readKeys(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    var summary: [String] = []
    do throws(AgeError) {
      let text: SecretBytes
      do { text = try SecretBytes(copying: bytes) } catch { return ("there is no memory for a secret", "") }
      let list = try IdentityFile.parse(text)
      if list.count == 0 { return ("an identity file without identities was accepted", "") }
      summary.append("\(list.count)")
    } catch {
      summary.append("\(error)")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    do throws(AgeError) {
      let recipient = try X25519Recipient(encoded: text)
      if recipient != (try X25519Recipient(encoded: text)) { return ("a recipient differs from itself", "") }
      summary.append("x25519")
    } catch {
      summary.append("\(error)")
    }
    do throws(AgeError) {
      _ = try HybridRecipient(encoded: text)
      summary.append("hybrid")
    } catch {
      summary.append("\(error)")
    }
    return (nil, summary.joined(separator: "\u{1}"))
  }
}
