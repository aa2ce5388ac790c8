/// Which provenkey this is.
package enum Release {
  /// The version, as `--version` and the manifests of bundles say it.
  package static let version = "0.1.0"
}
