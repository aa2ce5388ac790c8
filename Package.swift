// swift-tools-version: 6.2
import PackageDescription

/// Every module is checked the same way: Swift 6, unsafe lines marked, warnings refused.
let checked: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A C library of the system, found by pkg-config.
func systemLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

/// One of our modules. The dependencies are the arrows of docs/modules.md; the build refuses others.
func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: checked)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, swiftSettings: checked)
}

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "provenkey",
  products: [
    .executable(name: "provenkey", targets: ["CommandLineTool"]),
    .library(name: "AgeFormat", targets: ["AgeFormat"]),
    .library(name: "SLIP39", targets: ["SLIP39"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
  ],
  targets: [
    systemLibrary("CSodium", pkgConfig: "libsodium", apt: "libsodium-dev"),
    systemLibrary("COpenSSL", pkgConfig: "libcrypto", apt: "libssl-dev"),
    systemLibrary("CArchive", pkgConfig: "libarchive", apt: "libarchive-dev"),
    .systemLibrary(name: "CUTF8Proc", providers: [.apt(["libutf8proc-dev"])]),
    .systemLibrary(name: "CProcess"),
    .systemLibrary(name: "CZxcvbn", providers: [.apt(["libzxcvbn-dev"])]),

    module("SecretMemory", ["CSodium", "CProcess"]),
    module("DurableFiles", ["SecretMemory", "CProcess", system]),
    module("AgeFormat", ["SecretMemory", "CSodium", crypto]),
    module("SLIP39", ["SecretMemory"]),
    module("NextcloudKeys", []),
    module(
      "DatabaseSnapshots",
      [
        "CArchive", "CProcess", crypto, system, "DurableFiles", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ]),
    module("BackupSources", ["DurableFiles", system]),
    module(
      "NextcloudStorage",
      [
        "SecretMemory", "DurableFiles", "NextcloudKeys", "DatabaseSnapshots", "COpenSSL", "CUTF8Proc", system,
        .product(name: "GRDB", package: "GRDB.swift"), .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ]),
    module(
      "EscrowBundle",
      ["SecretMemory", "DurableFiles", "NextcloudKeys", "AgeFormat", "CArchive", "CUTF8Proc", crypto, system]),
    module(
      "Recoverability",
      [
        "SecretMemory", "DurableFiles", "NextcloudKeys", "NextcloudStorage", "DatabaseSnapshots", "BackupSources",
        "EscrowBundle", "AgeFormat", crypto, system,
      ]),
    .executableTarget(
      name: "CommandLineTool",
      dependencies: [
        "SecretMemory", "DurableFiles", "NextcloudKeys", "NextcloudStorage", "DatabaseSnapshots", "BackupSources",
        "EscrowBundle", "AgeFormat", "SLIP39", "Recoverability", "CZxcvbn", system,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      swiftSettings: checked),

    tests(of: "SecretMemory"),
    tests(of: "DurableFiles", [system]),
    tests(of: "AgeFormat", ["SecretMemory", crypto]),
    tests(of: "SLIP39", [crypto]),
    tests(of: "DatabaseSnapshots", [system]),
    tests(of: "BackupSources", [system]),
    tests(
      of: "NextcloudStorage",
      [
        "SecretMemory", "DurableFiles", "NextcloudKeys", "DatabaseSnapshots", "COpenSSL", system,
        .product(name: "GRDB", package: "GRDB.swift"),
      ]),
    tests(of: "EscrowBundle", ["SecretMemory", "NextcloudKeys", "AgeFormat", crypto, system]),
    tests(
      of: "Recoverability", ["AgeFormat", "SecretMemory", "NextcloudKeys", "NextcloudStorage", "EscrowBundle", system]),
    tests(
      of: "CommandLineTool",
      ["SecretMemory", "SLIP39", system, .product(name: "ArgumentParser", package: "swift-argument-parser")]),
  ]
)

// What reads hostile input runs in the tests on a kept corpus, and in the fuzzer (`make fuzz`), which is only there when
// it is asked for: it cannot be linked without libFuzzer.
let fuzzed: [Target.Dependency] = [
  "SecretMemory", "AgeFormat", "NextcloudKeys", "NextcloudStorage", "DatabaseSnapshots", "EscrowBundle",
  "Recoverability", "COpenSSL", system,
]
if Context.environment["PROVENKEY_FUZZING"] == nil {
  package.targets.append(
    .testTarget(
      name: "FuzzingTests", dependencies: fuzzed, path: "Tests/FuzzingTests", exclude: ["Fuzzer"],
      swiftSettings: checked))
} else {
  package.targets.append(
    .executableTarget(
      name: "Fuzzer", dependencies: fuzzed, path: "Tests/FuzzingTests",
      exclude: ["CorpusTests.swift", "Fuzzer/Dictionaries"],
      swiftSettings: checked))
}
