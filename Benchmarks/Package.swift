// swift-tools-version: 6.2
// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own, so that building Koine does not build this. koine-bench runs programs from
// outside, as their users do; only encoding, which the program does not time, is measured from
// inside. koine-infer and koine-train-bench are such programs over the libraries Models and
// Training, as another package would use them. Turns is what a turn of such a program is: the words it
// is given, the tokens it works on, the line it answers with.
let settings: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny")]

func koine(_ names: String...) -> [Target.Dependency] {
  names.map { .product(name: $0, package: "koine") }
}

let package = Package(
  name: "koine-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "koine", path: "..")],
  targets: [
    .target(name: "Turns", swiftSettings: settings),
    .executableTarget(
      name: "koine-bench", dependencies: ["Turns"] + koine("Tokenization"),
      swiftSettings: settings),
    .executableTarget(
      name: "koine-infer", dependencies: ["Turns"] + koine("Checkpoints", "Models"),
      swiftSettings: settings),
    .executableTarget(
      name: "koine-train-bench",
      dependencies: ["Turns"] + koine("Checkpoints", "Corpora", "Training"),
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
