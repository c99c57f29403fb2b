// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

#if MLX
  import Models
#endif

/// A rule that turns gradients into changes of weights: one file in this folder, one line in
/// `Optimizers.all`.
///
/// A value holds the options that only this rule has; what all rules share (rate, decay, β₁, β₂, ε)
/// comes with every step, and what a rule remembers lies in named buffers beside each tensor, so that
/// saved states need not know the rules.
package protocol Optimizer: Sendable {
  static var card: OptimizerCard { get }

  /// Reads the rule's own keys. Does not call `finish`.
  init(_ settings: inout Settings) throws(DocumentError)

  /// The rule's own options by key: equal options, equal results.
  var options: JSONObject { get }

  /// The buffers that a tensor needs, all float32 and 0 at first.
  func buffers(for tensor: TensorOutline) -> [StateOutline]

  #if MLX
    /// One step in place, on the engine's thread; deterministic whatever the number of threads.
    ///
    /// Safety: `gradient` holds as many floats as the tensor has.
    func update(
      _ tensor: TrainedTensor, gradient: UnsafePointer<Float>, _ step: OptimizerStep
    ) throws

    /// The same step as a graph, for GPUs; in rows that do not change the buffers are unspecified.
    func update(_ step: DeviceStep) throws
  #endif
}

/// What a rule is and where it comes from.
package struct OptimizerCard: Sendable {
  /// The word in recipes.
  package var id: String
  /// Authors, year, arXiv number.
  package var source: String
  /// Every difference from the source, or "nothing".
  package var departs: String
}

/// What a tensor is to a model.
package enum TensorRole: String, Sendable, CaseIterable {
  case embedding, head, norm, bias, matrix
  /// A factor of an adapter.
  case factor
}

/// A tensor before it has any numbers.
package struct TensorOutline: Equatable, Sendable {
  package var name: String
  package var shape: [Int]
  package var role: TensorRole

  package init(name: String, shape: [Int], role: TensorRole) {
    self.name = name
    self.shape = shape
    self.role = role
  }

  package var count: Int { shape.reduce(1, *) }
}

/// A buffer that an optimizer keeps beside a tensor.
package struct StateOutline: Equatable, Sendable {
  /// As PyTorch's optimizers call it: `exp_avg`.
  package var name: String
  package var shape: [Int]
}

/// The numbers that all rules are given for one step.
package struct OptimizerStep: Sendable {
  /// η of this step, before factors of groups.
  package var learningRate: Double
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  /// Multiplies every gradient first: clipping and 1 / token count.
  package var gradientScale: Double
  /// t, from 1.
  package var index: Int
  /// Of random rounding.
  package var seed: UInt64 = 0
}

/// The rules there are.
package enum Optimizers {
  package static let all: [any Optimizer.Type] = [
    AdamW.self,
    Adafactor.self,
    Muon.self,
    SGD.self,
  ]

  package static var names: [String] { all.map { $0.card.id } }

  package static func named(_ id: String) -> (any Optimizer.Type)? {
    all.first { $0.card.id == id }
  }
}

/// An optimizer with its options, as a recipe chooses it: `optimizer: adamw`, or
/// `optimizer: {type: adamw, …}` with options.
public struct OptimizerChoice: Equatable, Sendable {
  package let value: any Optimizer

  package init(_ value: any Optimizer) { self.value = value }

  /// AdamW without options.
  public static let adamW = OptimizerChoice(AdamW())

  /// The word in recipes.
  public var name: String { type(of: value).card.id }

  /// The name and all options: equal identities, equal results.
  public var identity: JSON {
    var object = value.options
    object["type"] = .string(name)
    return .object(object)
  }

  public static func == (a: Self, b: Self) -> Bool { a.identity == b.identity }

  /// Reads the key `optimizer` of `settings`.
  init(
    _ settings: inout Settings, default choice: OptimizerChoice
  ) throws(DocumentError) {
    guard let node = settings.node("optimizer") else {
      self = choice
      return
    }
    guard case .mapping = node.content else {
      let name = try settings.choice("optimizer", of: Optimizers.names)
      var none = try Settings(
        Node(.mapping([]), line: node.line), origin: settings.origin,
        path: settings.path(of: "optimizer"))
      self = try Self.make(name, &none)
      return
    }
    var own = try settings.child("optimizer")
    let name = try own.choice("type", of: Optimizers.names)
    self = try Self.make(name, &own)
    try own.finish()
  }

  private static func make(
    _ name: String, _ settings: inout Settings
  ) throws(DocumentError) -> OptimizerChoice {
    guard let type = Optimizers.named(name) else { return .adamW }
    return OptimizerChoice(try type.init(&settings))
  }
}
