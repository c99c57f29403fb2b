// swift-tools-version: 6.2
// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own, so that building Koine does not build this. It runs the program from
// outside, as its users do; only what the program does not time is measured from inside, without
// MLX.
let package = Package(
  name: "koine-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "koine", path: "..", traits: [])],
  targets: [
    .executableTarget(
      name: "koine-bench", dependencies: [.product(name: "Tokenization", package: "koine")],
      swiftSettings: [.enableUpcomingFeature("ExistentialAny")])
  ],
  swiftLanguageModes: [.v6]
)
