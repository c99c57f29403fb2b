// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Extraction of an adapter: what a model learnt beyond its base, as products of low rank.
///
/// For every matrix that changed, Δ = tuned − base ≈ U·Σ·Vᵀ with the largest singular values, B =
/// U·√Σ and A = √Σ·Vᵀ. No product of that rank is nearer to Δ (Eckart and Young 1936), and what is
/// missing is known: ‖Δ − BA‖² is the sum of the squares of the values left out.
///
/// - Source: the peer is mergekit-extract-lora 0.1.5. Departs: differences are taken in floats, not
///   in the checkpoint's type; tensors that did not change are left out; biases are kept as they are
///   in the tuned model; lists are sorted; a report says how much of each change is kept.
public enum AdapterExtraction {
  /// What becomes of a changed embedding and output head.
  public enum EmbeddingHandling: String, Sendable, CaseIterable {
    /// Kept whole, under `modules_to_save`.
    case saved
    /// Decomposed as other matrices are.
    case lora
  }

  public struct Options: Sendable {
    /// The largest rank of a product; 1 or more.
    public var rank = 128
    /// Singular values of at most this size are left out; 0 or more.
    public var epsilon = 0.0
    /// Regular expressions: where there are any, a tensor takes part if one occurs in its name.
    public var include: [String] = []
    /// Regular expressions: a tensor whose name one occurs in keeps the base's values.
    public var exclude: [String] = []
    /// √Σ to both factors; otherwise A = Σ·Vᵀ and B = U.
    public var distributesScale = true
    public var embeddings = EmbeddingHandling.saved
    /// Modules, by the end of their names, that are kept whole if they changed.
    public var modulesToSave: [String] = []
    /// The type of the adapter's tensors; `nil` for each that of the base's tensor.
    public var elementType: ElementType?
    /// Whose conventions the folder follows.
    public var format = Adapter.Format.peft
    /// How large matrices are decomposed.
    public var truncation = TruncationOptions()
    /// The most threads that compute; `nil` for one per processor. The result does not depend on it.
    public var threads: Int?

    public init() {}
  }

  /// What became of one tensor.
  public struct TensorReport: Sendable, Equatable {
    public enum Outcome: String, Sendable {
      /// A product.
      case decomposed
      /// Kept whole.
      case saved
      /// Equal in both models.
      case unchanged
      /// Left at the base's values by `include` or `exclude`.
      case excluded
    }

    public let tensor: String
    public let outcome: Outcome
    /// The product's rank; 0 where there is none.
    public let rank: Int
    /// ‖Δ‖², the squared length of the change.
    public let energy: Double
    /// The share of it that the adapter holds, 1 − tail² / total²: before the factors are rounded to
    /// their type.
    public let keptEnergy: Double
    /// Whether the decomposition met its tolerance.
    public let isConverged: Bool
  }

  /// Extracts an adapter that turns `base` into `tuned`, up to the ranks asked for.
  ///
  /// Matrices and convolutions become products; embedding and head as `options.embeddings` says;
  /// norms, biases and whatever else changed are kept whole. A model with a head of its own over a
  /// base with a tied one gives a change of the head relative to the embedding, and the reverse.
  ///
  /// Cost: reads both models once; see ``SingularValueDecomposition`` for the arithmetic. Memory:
  /// one matrix at a time with its decomposition, and the factors found so far.
  /// - Parameter progress: told of each finished tensor, in order of name.
  /// - Throws: ``AdapterError``; names and shapes are checked before a weight is read.
  public static func extract(
    from tuned: Checkpoint, base: Checkpoint, options: Options = Options(),
    progress: ((_ done: Int, _ total: Int, TensorReport) -> Void)? = nil
  ) throws(AdapterError) -> ExtractedAdapter {
    let plan = try ExtractionPlan(tuned: tuned, base: base, options: options)
    var assembly = ExtractionAssembly(plan: plan, options: options)
    for (number, step) in plan.steps.enumerated() {
      let report = try assembly.carryOut(step)
      progress?(number + 1, plan.steps.count, report)
    }
    return try assembly.finish()
  }
}

/// What to do with each tensor, decided from names and shapes.
struct ExtractionPlan {
  enum Kind { case matrix, embedding, whole, buffer, excluded }

  struct Step {
    /// The tensor's name in the tuned model's place of things.
    let name: String
    let kind: Kind
    let tuned: TensorSource
    let base: TensorSource
    /// Whether the weight is stored [inputs, outputs].
    let storesInputsFirst: Bool

    /// The name without its last part.
    var module: String { name.split(separator: ".").dropLast().joined(separator: ".") }

    var isBias: Bool { name.hasSuffix(".bias") }
  }

  let tuned: Checkpoint
  let base: Checkpoint
  let steps: [Step]
  /// Whether tuned and base both tie their heads to their embeddings.
  let isTied: Bool

  init(
    tuned: Checkpoint, base: Checkpoint, options: AdapterExtraction.Options
  ) throws(AdapterError) {
    precondition(options.rank > 0 && options.epsilon >= 0, "a rank of \(options.rank)")
    self.tuned = tuned
    self.base = base
    let include = try Self.patterns(options.include, "include")
    let exclude = try Self.patterns(options.exclude, "exclude")
    let (ours, theirs) = (SharedEmbedding(tuned), SharedEmbedding(base))
    isTied = ours.isTied && theirs.isTied
    let head = ours.head ?? theirs.head
    var names = Set(tuned.names).union(base.names)
    // A tied model's head is its embedding, whatever else the file holds.
    if isTied, let head { names.remove(head) } else if let head { names.insert(head) }
    names = names.filter { !$0.hasSuffix(".rotary_emb.inv_freq") }
    var steps: [Step] = []
    for name in names.sorted() {
      func source(
        _ model: Checkpoint, _ shared: SharedEmbedding
      ) throws(AdapterError) -> TensorSource? {
        let home = name == head && shared.isTied ? shared.embedding ?? name : name
        guard model.info(home) != nil else { return nil }
        do throws(CheckpointError) { return try model.source(home) } catch {
          throw .checkpoint(error)
        }
      }
      let (mine, other) = (try source(tuned, ours), try source(base, theirs))
      if mine == nil, other == nil { continue }
      guard let mine, let other else {
        let (present, absent) = mine == nil ? (base, tuned) : (tuned, base)
        throw .tensorOnlyInOne(
          tensor: name, shape: (mine ?? other)?.info.shape ?? [], presentIn: present.origin,
          absentFrom: absent.origin)
      }
      let isVocabulary = name == head || name == ours.embedding
      let module = name.split(separator: ".").dropLast().joined(separator: ".")
      let isSaved = options.modulesToSave.contains { module.hasSuffix($0) }
      let isIncluded = include.isEmpty || include.contains { $0.occurs(in: name) }
      var kind: Kind
      if !mine.info.elementType.isFloatingPoint || !other.info.elementType.isFloatingPoint {
        kind = .buffer
      } else if !isIncluded || exclude.contains(where: { $0.occurs(in: name) }) {
        kind = .excluded
      } else if isSaved || !Self.isDecomposable(name, mine.info.shape) {
        kind = .whole
      } else if name == head {
        kind = options.embeddings == .saved ? .whole : .matrix
      } else if isVocabulary || Self.isLookedUp(module) {
        kind = options.embeddings == .saved ? .whole : .embedding
      } else {
        kind = .matrix
      }
      if mine.info.shape != other.info.shape {
        guard isVocabulary, mine.info.shape.rank == 2, other.info.shape.rank == 2,
          mine.info.shape[1] == other.info.shape[1], kind != .excluded
        else {
          throw .shape(
            tensor: name, expected: "the base's shape \(other.info.shape)",
            found: mine.info.shape, origin: mine.origin)
        }
        // More tokens than the base has: the rows are not comparable one by one at the end.
        kind = .whole
      }
      let modelType = base.config["model_type"]?.string ?? ""
      steps.append(
        Step(
          name: name, kind: kind, tuned: mine, base: other,
          storesInputsFirst: Convolution1D.modelTypes.contains(modelType)
            && Convolution1D.contains(module) && mine.info.shape.rank == 2))
    }
    self.steps = steps
  }

  /// Whether a tensor is the weight of a linear layer, an embedding or an ungrouped convolution: a
  /// stack of experts and a grouped convolution have more than two extents, too.
  private static func isDecomposable(_ name: String, _ shape: Shape) -> Bool {
    guard name.hasSuffix(".weight"), shape.rank >= 2, shape.elementCount > 0 else { return false }
    // Kernels are small; 64 is beyond any in use.
    return shape.rank == 2 || (shape[1] > 1 && shape.extents[2...].allSatisfy { $0 <= 64 })
  }

  /// Whether rows of a module are looked up by number: tokens, positions, types, distances.
  private static func isLookedUp(_ module: String) -> Bool {
    let last = module.split(separator: ".").last ?? ""
    return last.contains("embed") || ["wpe", "wte", "relative_attention_bias"].contains(last)
  }

  private static func patterns(
    _ texts: [String], _ key: String
  ) throws(AdapterError) -> [ModulePattern] {
    var patterns: [ModulePattern] = []
    for text in texts {
      do throws(ModulePattern.Fault) {
        patterns.append(try ModulePattern(text))
      } catch {
        throw .pattern(text, key: key, origin: "the options", problem: error.problem)
      }
    }
    return patterns
  }
}
