// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// One piece of work in a recipe: a pure function of its inputs, settings, seed and code version.
///
/// Whatever changes the result must be in one of those, because the engine finds a finished
/// result by their hash and never does it again. Whatever does not change it (thread counts,
/// progress, where files lie) must not be.
///
/// ```swift
/// struct CountLines: RecipeStep {
///   static let kind = StepKind("count-lines", version: 1)
///   let name: String
///   let text: String
///   var inputs: [StepInput] { [.file("text", text)] }
///   var settings: JSON { ["blank": false] }
///
///   func run(_ context: StepContext) throws {
///     let lines = try String(contentsOfFile: context.input("text"), encoding: .utf8)
///       .split(separator: "\n").count
///     try "\(lines)\n".write(
///       toFile: context.folder + "/count.txt", atomically: false, encoding: .utf8)
///   }
/// }
/// ```
public protocol RecipeStep: Sendable {
  /// What sort of work this is and which version of it.
  static var kind: StepKind { get }
  /// The step's name in its recipe: 1 to 100 letters, digits, `-`, `_` and `.`. Not hashed.
  var name: String { get }
  /// What the step reads; labels differ. Default: nothing.
  var inputs: [StepInput] { get }
  /// What the step writes for others to name. Default: one output `folder`, the whole folder.
  var outputs: [StepOutput] { get }
  /// Everything else that decides the result, defaults included. Default: an empty object.
  var settings: JSON { get }
  /// The seed of its random numbers. Default: 0.
  var seed: UInt64 { get }
  /// Whether a killed run left something in the folder to go on from; if not, the engine wipes
  /// unfinished folders. A resumed step may even find its whole work done. Default: `false`.
  var isResumable: Bool { get }
  /// Whether all runs share the result. Default: `.run`.
  var storage: StepStorage { get }

  /// What the step will take, as far as it can be told before running. Default: nothing known.
  func estimate(_ context: EstimateContext) -> StepEstimate

  /// Does the work, writing only below `context.folder`.
  ///
  /// Poll `context.cancellation` and throw `StepInterrupted` at a safe point; a resumable step
  /// finds at its next start what it wrote before. The engine syncs and renames the folder.
  func run(_ context: StepContext) async throws
}

extension RecipeStep {
  public var inputs: [StepInput] { [] }
  public var outputs: [StepOutput] { [.folder] }
  public var settings: JSON { [:] }
  public var seed: UInt64 { 0 }
  public var isResumable: Bool { false }
  public var storage: StepStorage { .run }
  public func estimate(_ context: EstimateContext) -> StepEstimate { StepEstimate() }

  var kind: StepKind { Self.kind }
}

/// A sort of step.
public struct StepKind: Hashable, Sendable {
  /// Such as `tokenizer`, `train`, `merge`; also a folder in the cache.
  public let name: String
  /// The version of this kind's semantics: raise it by hand when the same settings would give
  /// other results, and every such step is done anew.
  public let version: Int

  /// A kind of that name and version.
  public init(_ name: String, version: Int) {
    precondition(StepGraph.isUsableName(name), "a kind's name is a folder's name")
    self.name = name
    self.version = version
  }
}

/// Where a step's folder lives.
public enum StepStorage: Sendable {
  /// In the run folder.
  case run
  /// In the cache that runs share, for results that are dear: `<cache>/<kind>/<key>/`; the run
  /// folder holds a link.
  case cache
}

/// Something a step reads.
public struct StepInput: Equatable, Sendable {
  /// Where it comes from.
  public enum Source: Equatable, Sendable {
    /// A named output of another step.
    case output(step: String, name: String)
    /// A file or folder outside of the run. Its content is hashed, not its path; of a file's name
    /// only the extension counts, since readers choose the format by it.
    case file(String)
  }

  /// How the step calls it; unique in the step and hashed with it.
  public let label: String
  /// Where it comes from.
  public let source: Source

  /// An output of another step.
  public static func output(
    _ label: String, of step: String, named name: String = StepOutput.folder.name
  ) -> StepInput {
    StepInput(label: label, source: .output(step: step, name: name))
  }

  /// A file or folder outside of the run.
  public static func file(_ label: String, _ path: String) -> StepInput {
    StepInput(label: label, source: .file(path))
  }
}

/// Something a step writes, by name.
public struct StepOutput: Equatable, Sendable {
  /// How other steps ask for it.
  public let name: String
  /// The file or folder, relative to the step's folder.
  public let path: String

  /// An output at `path` below the step's folder; must exist when the step ends.
  public init(_ name: String, path: String) {
    self.name = name
    self.path = path
  }

  /// The whole folder.
  public static let folder = StepOutput("folder", path: ".")
}

/// What a step will take; unknown parts are `nil`.
public struct StepEstimate: Equatable, Sendable {
  /// Tokens to be trained on or scored.
  public var tokenCount: Int?
  /// Bytes of the finished folder.
  public var outputByteCount: Int?
  /// Bytes of named outputs, for the estimates of the steps that read them.
  public var namedByteCounts: [String: Int] = [:]
  /// Bytes of memory at the peak.
  public var memoryByteCount: Int?
  /// Wall time on this machine.
  public var duration: Duration?
  /// One short remark, such as `6.3 M parameters`.
  public var note: String?
  /// The numbers that come from a rule of thumb rather than from a calculation or from this very
  /// step's last run.
  public var rough: Set<Part> = []
  /// Whether the step counts tokens at all, so that not knowing how many is worth a word.
  public var countsTokens = false

  /// A number of the estimate, as `--json` names it.
  public enum Part: String, CaseIterable, Sendable { case tokens, bytes, seconds }

  /// An estimate of what is known.
  public init(
    tokenCount: Int? = nil, outputByteCount: Int? = nil, memoryByteCount: Int? = nil,
    duration: Duration? = nil, note: String? = nil
  ) {
    self.tokenCount = tokenCount
    self.outputByteCount = outputByteCount
    self.memoryByteCount = memoryByteCount
    self.duration = duration
    self.note = note
  }
}

/// What a step may look at to make its estimate.
public struct EstimateContext: Sendable {
  var paths: [String: String] = [:]
  /// Of finished steps, by the label of the input that comes from them.
  var manifests: [String: StepManifest] = [:]
  /// Of outputs that do not exist yet, by label: bytes, and whether they are a rule of thumb.
  var expected: [String: (byteCount: Int, isRough: Bool)] = [:]
  /// What runs beside this one did.
  var earlier: EarlierSteps?

  /// The path of the input `label` if it exists already: external files always, outputs of
  /// finished steps too.
  public func input(_ label: String) -> String? { paths[label] }

  /// What is known of the finished step that the input `label` comes from.
  func manifest(_ label: String) -> StepManifest? { manifests[label] }

  /// The bytes of an input: of an external file or an output as they are, else as the step that
  /// will write it expects them. `nil` when nothing is known.
  func byteCount(_ label: String) -> (byteCount: Int, isRough: Bool)? {
    guard let path = paths[label] else { return expected[label] }
    if let manifest = manifests[label], Disk.identity(path)?.isFolder == true {
      return (manifest.byteCount, false)
    }
    return Disk.identity(path).map { ($0.byteCount, false) }
  }
}
