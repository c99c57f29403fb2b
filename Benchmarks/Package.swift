// swift-tools-version: 6.2
// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own, so that building Koine does not build this. koine-bench runs programs from
// outside, as their users do; only encoding, which the program does not time, is measured from
// inside. koine-infer and koine-train-bench are such programs over the libraries Models and
// Training, as another package would use them.
let package = Package(
  name: "koine-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "koine", path: "..")],
  targets: [
    .executableTarget(
      name: "koine-bench", dependencies: [.product(name: "Tokenization", package: "koine")],
      swiftSettings: [.enableUpcomingFeature("ExistentialAny")]),
    .executableTarget(
      name: "koine-infer",
      dependencies: [
        .product(name: "Checkpoints", package: "koine"), .product(name: "Models", package: "koine"),
      ],
      swiftSettings: [.enableUpcomingFeature("ExistentialAny")]),
    .executableTarget(
      name: "koine-train-bench",
      dependencies: [
        .product(name: "Checkpoints", package: "koine"),
        .product(name: "Corpora", package: "koine"), .product(name: "Training", package: "koine"),
      ],
      swiftSettings: [.enableUpcomingFeature("ExistentialAny")]),
  ],
  swiftLanguageModes: [.v6]
)
