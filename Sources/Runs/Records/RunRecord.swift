// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a run was asked, on which machine it ran, and how it ended: `run.json`.
///
/// Schema 1. Later schemas only add optional keys; a file with a higher `schema` than
/// `RunRecord.schema` is refused on reading.
public struct RunRecord: Codable, Sendable, Equatable {
  /// The newest schema this program writes and reads.
  public static let schema = 1

  /// How far a run is.
  public enum Status: String, Codable, Sendable, CaseIterable {
    case running, done, failed, interrupted
  }

  /// Schema of this value.
  public var schema = RunRecord.schema
  /// Name of the run, which is also the name of its folder; unique within a notebook.
  public var name: String
  /// Where the recipe was read from.
  public var recipePath: String
  /// The recipe, as written by its author.
  public var recipeText: String
  /// First start; kept when a killed run resumes.
  public var startedAt: Date
  /// When it ended, well or not; `nil` while it runs or after a kill.
  public var endedAt: Date?
  /// How far it is.
  public var status: Status
  /// Why it failed; `nil` otherwise.
  public var failure: String?
  /// Version of Koine.
  public var koineVersion: String
  /// The machine and the libraries that did the work.
  public var environment: RunEnvironment
  /// Random seeds by purpose, in recipe order.
  public var seeds: [Seed]
  /// The steps in the order of the plan.
  public var steps: [StepRecord]

  /// A random seed and what it seeds.
  public struct Seed: Codable, Sendable, Equatable {
    /// What it seeds.
    public var name: String
    /// The seed.
    public var value: UInt64
    public init(name: String, value: UInt64) {
      self.name = name
      self.value = value
    }
  }

  /// A record of a run that has just begun.
  public init(
    name: String, recipePath: String, recipeText: String, startedAt: Date, endedAt: Date? = nil,
    status: Status = .running, failure: String? = nil, koineVersion: String,
    environment: RunEnvironment, seeds: [Seed] = [], steps: [StepRecord] = []
  ) {
    self.name = name
    self.recipePath = recipePath
    self.recipeText = recipeText
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.status = status
    self.failure = failure
    self.koineVersion = koineVersion
    self.environment = environment
    self.seeds = seeds
    self.steps = steps
  }

  /// Wall time of the steps this run did itself (cached ones cost nothing), in seconds.
  public var wallSeconds: Double {
    steps.reduce(0) { $1.state == .cached ? $0 : $0 + $1.wallSeconds }
  }

  enum CodingKeys: String, CodingKey {
    case schema, name, status, failure, environment, seeds, steps
    case recipePath = "recipe_path"
    case recipeText = "recipe_text"
    case startedAt = "started_at"
    case endedAt = "ended_at"
    case koineVersion = "koine_version"
  }
}

/// The machine and the libraries of a run.
public struct RunEnvironment: Codable, Sendable, Equatable {
  /// Array engine with version: "MLX 0.32.4".
  public var engine: String
  /// BLAS with kernel: "OpenBLAS 0.3.21 (Haswell)".
  public var blas: String
  /// "cpu", or the name of the GPU.
  public var device: String
  /// Operating system with version.
  public var system: String
  /// Processor name; empty when unknown.
  public var processor: String
  /// Cores this process may use.
  public var coreCount: Int
  /// Memory of the machine in bytes; `nil` when unknown.
  public var memoryByteCount: Int?

  public init(
    engine: String, blas: String, device: String, system: String, processor: String = "",
    coreCount: Int, memoryByteCount: Int? = nil
  ) {
    self.engine = engine
    self.blas = blas
    self.device = device
    self.system = system
    self.processor = processor
    self.coreCount = coreCount
    self.memoryByteCount = memoryByteCount
  }

  enum CodingKeys: String, CodingKey {
    case engine, blas, device, system, processor
    case coreCount = "core_count"
    case memoryByteCount = "memory_bytes"
  }
}

/// One step of a run.
public struct StepRecord: Codable, Sendable, Equatable {
  /// What became of a step.
  public enum State: String, Codable, Sendable, CaseIterable {
    /// Not begun, or begun and killed.
    case pending
    /// Its output was there already.
    case cached
    case done, failed
  }

  /// Name in the recipe, unique in the run: "ct".
  public var name: String
  /// What it does: "train", "merge", "evaluate".
  public var kind: String
  /// Content hash of inputs, settings, seed and code version, in hexadecimal.
  public var hash: String
  /// What became of it.
  public var state: State
  /// Wall time the work took, in seconds; of a cached step the time it took when it was done.
  public var wallSeconds: Double
  /// Tokens it trained on; `nil` when it trains nothing.
  public var trainedTokens: Int?
  /// Largest resident memory while it ran, in bytes; `nil` when not measured.
  public var peakMemoryByteCount: Int?
  /// Its output, relative to the run folder; `nil` before there is one.
  public var outputPath: String?

  public init(
    name: String, kind: String, hash: String, state: State, wallSeconds: Double = 0,
    trainedTokens: Int? = nil, peakMemoryByteCount: Int? = nil, outputPath: String? = nil
  ) {
    self.name = name
    self.kind = kind
    self.hash = hash
    self.state = state
    self.wallSeconds = wallSeconds
    self.trainedTokens = trainedTokens
    self.peakMemoryByteCount = peakMemoryByteCount
    self.outputPath = outputPath
  }

  enum CodingKeys: String, CodingKey {
    case name, kind, hash, state
    case wallSeconds = "wall_seconds"
    case trainedTokens = "trained_tokens"
    case peakMemoryByteCount = "peak_memory_bytes"
    case outputPath = "output_path"
  }
}
