// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nothing here is built, tested or fetched with provenkey.
let package = Package(
  name: "benchmarks",
  products: [.executable(name: "limits", targets: ["Limits"])],
  targets: [
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .executableTarget(
      name: "Limits", dependencies: ["COpenSSL"],
      swiftSettings: [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]),
  ]
)
