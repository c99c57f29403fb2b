// swift-tools-version: 6.2
// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// The manifest is the architecture diagram: one line per room, arrows point up the list.
// `scripts/setup` puts MLX into .deps/; without the trait MLX (`--disable-default-traits`)
// everything about weights, text and scores builds and runs on any machine.
let mlx = Context.packageDirectory + "/.deps/mlx"

// The baseline of every fast path on x86: AVX2. arm64 needs nothing.
#if arch(x86_64)
  let vectorBaseline = ["-march=x86-64-v3"]
#else
  let vectorBaseline: [String] = []
#endif

let package = Package(
  name: "koine",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "koine", targets: ["koine"]),
    .library(name: "Checkpoints", targets: ["Checkpoints"]),
    .library(name: "Corpora", targets: ["Corpora"]),
    .library(name: "Evaluation", targets: ["Evaluation"]),
    .library(name: "Hub", targets: ["Hub"]),
    .library(name: "Generation", targets: ["Generation"]),
    .library(name: "Models", targets: ["Models"]),
    .library(name: "Recipes", targets: ["Recipes"]),
    .library(name: "Surgery", targets: ["Surgery"]),
    .library(name: "Tokenization", targets: ["Tokenization"]),
    .library(name: "Training", targets: ["Training"]),
  ],
  traits: [
    .trait(name: "MLX", description: "Models and training on MLX: needs scripts/setup."),
    .default(enabledTraits: ["MLX"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .module("Documents", uses: [.yams]),
    .module("Templates", uses: ["Documents"]),
    .module("Tensors", uses: ["CPrefetch"], strictMemory: true, alwaysOptimized: true),
    .module(
      "Checkpoints", uses: ["Tensors", "Documents"], embeds: ["Layouts/Data"], strictMemory: true),
    .module("Tokenization", uses: ["Documents", "CPCRE2"], alwaysOptimized: true),
    .module("Hub", uses: ["CCurl", "Documents", .crypto]),
    .module(
      "Surgery", uses: ["Checkpoints", "Tensors", "Tokenization", "Templates", "Documents"]),
    .module(
      "Corpora", uses: ["Tokenization", "Templates", "Documents", "CZlib", "CZstd"],
      alwaysOptimized: true),
    .module("Models", uses: [.cmlx, "Checkpoints", "Tensors", "Documents"]),
    .module(
      "Training",
      uses: ["Models", "Corpora", "Checkpoints", "Tensors", "Tokenization", "Documents"]
    ),
    .module("Evaluation", uses: ["Corpora", "Documents"], embeds: ["Tasks"]),
    .module(
      "Generation",
      uses: ["Models", "Corpora", "Tokenization", "Templates", "Checkpoints", "Documents"]),
    .module("Runs", uses: ["Documents", .grdb]),
    .module(
      "Recipes",
      uses: [
        "Surgery", "Training", "Evaluation", "Generation", "Runs", "Models", "Corpora",
        "Tokenization", "Templates", "Hub", "Checkpoints", "Tensors", "Documents", .crypto,
      ]),
    .executableTarget(
      name: "koine",
      dependencies: [
        "Recipes", "Generation", "Surgery", "Training", "Evaluation", "Runs", "Models", "Corpora",
        "Tokenization", "Templates", "Hub", "Checkpoints", "Tensors", "Documents", .argumentParser,
      ],
      path: "Sources/tool", swiftSettings: roomSettings()),
    // A header and nothing else: the one instruction of the fast paths that Swift has no word for.
    .systemLibrary(name: "CPrefetch"),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    // The system's libcurl behind a header of our own; opened when it is first needed.
    .target(name: "CCurl"),
    .target(
      name: "CMLX",
      cxxSettings: [
        // Optimised in debug builds too: an unoptimised kernel is of no use to a test.
        // MLX's headers use what libstdc++ calls deprecated.
        .unsafeFlags(["-isystem", "\(mlx)/include", "-O3", "-Wno-deprecated-declarations"]),
        .unsafeFlags(vectorBaseline, .when(platforms: [.linux])),
      ],
      linkerSettings: [
        // OpenBLAS before MLX, so that its symbols win over the reference BLAS in the wheel.
        .unsafeFlags(
          ["-Xlinker", "--no-as-needed", "-lopenblas"], .when(platforms: [.linux])),
        .unsafeFlags(["-L\(mlx)/lib", "-lmlx", "-Xlinker", "-rpath", "-Xlinker", "\(mlx)/lib"]),
      ]),
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: roomSettings()),
    .tests("Documents"),
    .tests("Templates", uses: ["Documents"]),
    .tests("Tensors"),
    .tests("Checkpoints", uses: ["Tensors", "Documents"]),
    .tests("Tokenization", uses: ["Documents"]),
    .tests("Hub", uses: ["Documents"]),
    .tests("Surgery", uses: ["Checkpoints", "Tensors", "Templates", "Documents"]),
    .tests("Corpora", uses: ["Tokenization", "Templates", "Documents"]),
    .tests(
      "Fuzz", of: "Surgery",
      uses: ["Checkpoints", "Tensors", "Tokenization", "Templates", "Hub", "Corpora", "Documents"]),
    .tests("Models", uses: ["Checkpoints", "Tensors", "Documents", "TestSupport"]),
    .tests(
      "Training",
      uses: ["Models", "Surgery", "Corpora", "Tokenization", "Checkpoints", "Tensors"]
        + ["Documents", "TestSupport"]),
    .tests("Evaluation", uses: ["Corpora", "Documents"]),
    .tests(
      "Generation",
      uses: ["Models", "Corpora", "Tokenization", "Templates", "Checkpoints", "Documents"]),
    .tests("Runs", uses: ["Documents"]),
    .tests(
      "Recipes",
      uses: ["Models", "Training", "Evaluation", "Corpora", "Tokenization", "Surgery", "Runs"]
        + ["Hub", "Checkpoints", "Tensors", "Documents", "TestSupport"]),
    .tests(
      "tool", of: "koine",
      uses: ["Recipes", "Runs", "Surgery", "Generation", "Models", "Corpora", "Hub"]
        + ["Tokenization", "Checkpoints", "Tensors", "Documents", "TestSupport", .argumentParser]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx20
)

extension Target.Dependency {
  static var cmlx: Self { .target(name: "CMLX", condition: .when(traits: ["MLX"])) }
  static var yams: Self { .product(name: "Yams", package: "Yams") }
  static var grdb: Self { .product(name: "GRDB", package: "GRDB.swift") }
  static var crypto: Self { .product(name: "Crypto", package: "swift-crypto") }
  static var argumentParser: Self {
    .product(name: "ArgumentParser", package: "swift-argument-parser")
  }
}

extension Target {
  /// A room in Sources/`name`.
  static func module(
    _ name: String, uses dependencies: [Dependency] = [], embeds resources: [String] = [],
    strictMemory: Bool = false, alwaysOptimized: Bool = false
  ) -> Target {
    .target(
      name: name, dependencies: dependencies, resources: resources.map { .embedInCode($0) },
      swiftSettings: roomSettings(strictMemory: strictMemory, alwaysOptimized: alwaysOptimized))
  }

  /// The tests of a room, in Tests/`name`Tests; `module` is its target if that is named otherwise.
  static func tests(
    _ name: String, of module: String? = nil, uses dependencies: [Dependency] = []
  ) -> Target {
    .testTarget(
      name: name + "Tests", dependencies: [.init(stringLiteral: module ?? name)] + dependencies,
      swiftSettings: roomSettings())
  }
}

func roomSettings(strictMemory: Bool = false, alwaysOptimized: Bool = false) -> [SwiftSetting] {
  var settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .define("MLX", .when(traits: ["MLX"])),
    .unsafeFlags(vectorBaseline.flatMap { ["-Xcc", $0] }, .when(platforms: [.linux])),
  ]
  if strictMemory { settings.append(.strictMemorySafety()) }  // SE-0458
  // Loops over weights and corpora: a debug build of these would make tests take hours.
  if alwaysOptimized { settings.append(.unsafeFlags(["-O"], .when(configuration: .debug))) }
  return settings
}
