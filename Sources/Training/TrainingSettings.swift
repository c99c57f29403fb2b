// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// How a model is trained; every field has the key of the same name in a recipe.
public struct TrainingSettings: Equatable, Sendable {
  /// Optimizer steps, at least 1.
  public var steps = 100
  /// Windows per micro-batch.
  public var batchSize = 8
  /// Micro-batches per step; the loss is the mean over all their tokens, as of one large batch.
  public var microBatches = 1

  /// Peak learning rate.
  public var learningRate = 1e-3
  /// The shape of the rate over the steps.
  public var schedule = LearningRateSchedule.Kind.cosine
  /// Share of the steps in which the rate rises, in [0, 1).
  public var warmup = 0.02
  /// The same in steps; counts before `warmup`.
  public var warmupSteps: Int?
  /// Where the rise begins, as a share of the peak, in [0, 1]: 0, or for a run that goes on from
  /// another the rate that one had.
  public var warmupFrom = 0.0
  /// Share of the steps at the end in which `wsd` falls, in [0, 1].
  public var decay = 0.2
  /// The same in steps; counts before `decay`.
  public var decaySteps: Int?
  /// How `wsd` falls.
  public var decayShape = LearningRateSchedule.DecayShape.linear
  /// The last rate as a share of the peak, in [0, 1].
  public var finalRate = 0.1
  /// The steps in which `inverse_sqrt` falls by √½ at first; 0 for those of the warm-up.
  public var timescale = 0

  /// The rule that turns gradients into changes.
  public var optimizer = OptimizerChoice.adamW
  /// Decoupled weight decay; none on norms and biases.
  public var weightDecay = 0.1
  /// Whether embeddings and heads decay.
  public var decaysEmbeddings = true
  public var beta1 = 0.9
  public var beta2 = 0.95
  public var epsilon = 1e-8
  /// Gradients of a larger global norm are scaled down to it; 0 turns clipping off.
  public var clipNorm = 1.0
  /// How trained weights are kept.
  public var masters = Masters.float32
  /// The numbers that matrix products and attention are made of.
  public var compute = Compute.float32
  /// Of the random numbers of training: stochastic rounding, dropout, the start of adapters. Not a
  /// key of its own: a recipe's seed.
  public var seed: UInt64 = 0

  /// Tensors, or rows of them, with rates and decays of their own.
  public var groups: [ParameterGroup] = []
  /// Patterns over names of tensors that are not trained.
  public var freeze: [String] = []
  /// What alone is trained: patterns, or `new_blocks`. Empty for everything.
  public var trainOnly: [String] = []
  /// The layers that `new_blocks` means.
  public var newBlocks: [Int] = []
  /// A low-rank change to train in place of the weights.
  public var adapter: AdapterSettings?

  /// Steps between saved states; does not change results.
  public var saveEvery = 50
  /// Steps between log records.
  public var logEvery = 10

  /// How trained weights are kept.
  public enum Masters: String, CaseIterable, Sendable {
    /// Four bytes a weight.
    case float32
    /// Matrices in 16 bits where the checkpoint has them so, rounded stochastically: up or down
    /// with probabilities that make the expected value exact. Moments are float32 all the same.
    case stored

    /// What a tensor is trained in; `type` is what the checkpoint has it in.
    func elementType(of tensor: TensorOutline, storedAs type: ElementType?) -> ElementType {
      guard self == .stored, tensor.shape.count > 1, let type,
        [.bfloat16, .float16].contains(type)
      else { return .float32 }
      return type
    }
  }

  /// The numbers that matrix products and attention are made of.
  public enum Compute: String, CaseIterable, Sendable {
    /// As exact as the machine has it.
    case float32
    /// Operands and results rounded to bfloat16, forward and backward; weights, moments, sums of gradients, norms
    /// and the softmax of the loss stay float32. For GPUs, which multiply these several times as fast.
    case bfloat16
  }

  public init() {}
}
