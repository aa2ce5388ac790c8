package import NextcloudKeys
internal import SecretMemory

/// Trying every key file with what is known: what a restore will do, done before it is needed.
package enum KeyProof {
  /// What became of a private key file.
  private struct PrivateResult {
    let place: KeyPlace
    let wrapping: KeyWrapping
    let format: String?
    let note: String?
    let state: KeyState
    /// Its public half, as DER, when it opened.
    let publicKeyInfo: [UInt8]?
  }

  /// A record for each file, in the order given; nothing is left out.
  ///
  /// - Parameter progress: called after each file with the number of files done.
  package static func prove(
    _ files: [KeyFile], with material: borrowing KeyMaterial, progress: (Int) -> Void = { _ in }
  ) -> [KeyRecord] {
    prove(files, with: material, progress: progress) { _, _, _ in }
  }

  /// The same, and every private key that opened is handed over, so that none is unlocked twice.
  static func prove(
    _ files: [KeyFile], with material: borrowing KeyMaterial, progress: (Int) -> Void,
    keep: (consuming UnlockedKey, KeyFile, KeyPlace) -> Void
  ) -> [KeyRecord] {
    var done = 0
    func count() {
      done += 1
      progress(done)
    }
    var privateResults: [Int: PrivateResult] = [:]
    var privateIndexes: [String: [Int]] = [:]
    for (index, file) in files.enumerated() {
      guard let place = file.place, place.half == .privateKey else { continue }
      privateResults[index] = tryPrivate(file, at: place, with: material, keep: keep)
      privateIndexes[place.id, default: []].append(index)
      count()
    }
    var records: [KeyRecord] = []
    records.reserveCapacity(files.count)
    for (index, file) in files.enumerated() {
      guard let place = file.place else {
        records.append(unknown(file))
        count()
        continue
      }
      if let result = privateResults[index] {
        records.append(
          record(
            file, place, wrapping: result.wrapping, format: result.format, state: result.state, note: result.note))
        continue
      }
      let others = (privateIndexes[place.id] ?? []).compactMap { index in
        privateResults[index].flatMap { $0.place.isOtherHalf(of: place) ? (files[index].path, $0) : nil }
      }
      // An unmigrated old layout can hold the same pair once more: the half of the same layout first.
      let other = others.first { $0.1.place.layout == place.layout } ?? others.first
      records.append(tryPublic(file, at: place, besides: other, with: material))
      count()
    }
    return records
  }

  private static func tryPrivate(
    _ file: KeyFile, at place: KeyPlace, with material: borrowing KeyMaterial,
    keep: (consuming UnlockedKey, KeyFile, KeyPlace) -> Void
  ) -> PrivateResult {
    do throws(KeyFailure) {
      let unlocked = try KeyUnlocking(file, with: material)
      let result = PrivateResult(
        place: place, wrapping: unlocked.wrapping, format: unlocked.format, note: unlocked.note, state: .unlocks,
        publicKeyInfo: unlocked.key.publicKeyInfo)
      keep(unlocked.key, file, place)
      return result
    } catch {
      return PrivateResult(
        place: place, wrapping: error.wrapping, format: error.format, note: nil,
        state: error.isLocked ? .locked : .fails(because: error.because), publicKeyInfo: nil)
    }
  }

  private static func tryPublic(
    _ file: KeyFile, at place: KeyPlace, besides other: (path: String, result: PrivateResult)?,
    with material: borrowing KeyMaterial
  ) -> KeyRecord {
    do throws(KeyFailure) {
      let unwrapped = try UnwrappedKey(file.bytes, at: place, with: material)
      let wrapping = unwrapped.wrapping
      var note: String?
      if let index = unwrapped.secretIndex, index > 0 {
        note = "secret \(index + 1) of \(material.secretCount) unwraps it, not the one in config.php"
      }
      let info: [UInt8]?
      do throws(LibCrypto.Unavailable) {
        info = try unwrapped.content.withBytes { (pem) throws(LibCrypto.Unavailable) in
          try PublicKeyFile.info(pem: pem)
        }
      } catch {
        throw KeyFailure(wrapping, error)
      }
      let state: KeyState
      if let info {
        state = compare(info, with: other)
      } else {
        let hasEnd = unwrapped.content.withBytes { PEM.hasEnd($0) }
        state = .fails(because: hasEnd ? "it holds no RSA public key" : "truncated: the end of the key is missing")
      }
      return record(file, place, wrapping: wrapping, format: nil, state: state, note: note)
    } catch {
      return record(
        file, place, wrapping: error.wrapping, format: nil, state: .fails(because: error.because), note: nil)
    }
  }

  private static func compare(_ info: [UInt8], with other: (path: String, result: PrivateResult)?) -> KeyState {
    guard let other else { return .fails(because: "its private half is missing") }
    if let expected = other.result.publicKeyInfo {
      return info == expected
        ? .unlocks : .fails(because: "the public key is not the other half of \(Printable.text(other.path))")
    }
    if other.result.state == .locked { return .locked }
    return .fails(because: "it cannot be compared: its private half does not open")
  }

  private static func record(
    _ file: KeyFile, _ place: KeyPlace, wrapping: KeyWrapping, format: String?, state: KeyState, note: String?
  ) -> KeyRecord {
    KeyRecord(
      path: file.path, role: place.role, id: place.id, half: place.half, wrapping: wrapping, format: format,
      isBackup: place.backupFolder != nil, state: state, note: note)
  }

  private static func unknown(_ file: KeyFile) -> KeyRecord {
    let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
    return KeyRecord(
      path: file.path, role: .user, id: name, half: .privateKey, wrapping: .unreadable, format: nil, isBackup: false,
      state: .fails(because: "by its path it is no key file of any release"))
  }
}
