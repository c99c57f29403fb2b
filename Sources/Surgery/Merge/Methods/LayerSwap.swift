// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Layer swapping: the top and bottom layers of one expert, the middle layers of another, and
/// between them zones in which one goes over into the other.
///
/// Tuning on a language changes a model's first and last layers most, tuning on a task in another
/// language its middle; so the language expert keeps its ends and takes the task expert's middle.
///
/// The language expert is the base: it gives the embedding, the head, and with them the config and
/// the tokenizer, which are always the base's. The task expert is the one source. Both should be
/// children of one model.
///
/// Layers are those of the result. With slices, the result's layer i decides, whatever layers of
/// the models it is made of; each module of a model of several is divided by its own number of
/// layers, and may have parameters of its own.
///
/// - Shapes: base, source and output alike; any rank, also empty.
/// - Precision: in `Double`, rounded once; outside the zones one model's numbers as they are.
public struct LayerSwap: MergeMethod {
  public static let card = MethodCard(
    id: "layer_swap", title: "the language expert's ends, the task expert's middle layers",
    formula: """
      out = (1−s)·b + s·x                         b: language expert, x: task expert; L layers from 0
      s   = 0 in the first `bottom` and the last `top` layers, 1 in the middle
            j/(transition+1) in the j-th of `transition` layers from either end of these on inwards
            embeddings before the layers, head behind them (final norm and head)
      """,
    source: "Bandarkar et al. 2025, arXiv:2410.01335",
    departs: "zones of several layers go over linearly, where the paper averages one layer; shares "
      + "for what is outside the layers; the base is the language expert, since config, tokenizer "
      + "and embedding belong together, not the model both were trained from, which plays no part",
    cost: "one pass over both models",
    base: .required, sourceCount: 1...1, perSource: [],
    wholeNumbers: ["bottom", "top", "transition"],
    notes: [
      .init(
        "bottom", range: "whole, from 0; none: ⌈L·5/32⌉", "first layers of the language expert"),
      .init("top", range: "whole, from 0; none: ⌈L·4/32⌉", "last layers of the language expert"),
      .init(
        "transition", range: "whole, from 0; bottom + top + 2·transition ≤ L",
        "layers of each of the two zones between them"),
      .init(
        "embeddings", range: "0 (the language expert's) to 1 (the task expert's)",
        "s before the layers; also of a head that is tied to the embedding"),
      .init("head", range: "0 to 1", "s behind the layers, in the final norm and the head"),
    ],
    laws: [.fixedPoint, .scales], incomplete: .refuses)

  public struct Parameters: MergeParameters {
    /// How many of the first layers are the language expert's; `nil` for 5 of 32.
    public var bottom: Int?
    /// How many of the last layers are the language expert's; `nil` for 4 of 32.
    public var top: Int?
    /// How many layers each of the zones between them has.
    public var transition = 1
    /// The task expert's share in what is before the layers.
    public var embeddings = 0.0
    /// The task expert's share in what is behind the layers.
    public var head = 0.0
    public init() {}

    /// With the keys of values that are `nil`: the schema is read off what is encoded.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(bottom, forKey: .bottom)
      try container.encode(top, forKey: .top)
      try container.encode(transition, forKey: .transition)
      try container.encode(embeddings, forKey: .embeddings)
      try container.encode(head, forKey: .head)
    }
  }

  private let parameters: Parameters

  public init(_ parameters: Parameters) throws(MergeError) {
    for (name, count) in [
      ("bottom", parameters.bottom ?? 0), ("top", parameters.top ?? 0),
      ("transition", parameters.transition),
    ] {
      try check(name, Double(count), "a whole number from 0 to 100000") {
        $0 >= 0 && $0 <= 100_000
      }
    }
    for (name, share) in [("embeddings", parameters.embeddings), ("head", parameters.head)] {
      _ = try checkedShares(name, [share])
    }
    self.parameters = parameters
  }

  /// How many layers at the bottom, at the top, and in each zone, in a stack of `count`.
  private func zones(of count: Int) -> (bottom: Int, top: Int, transition: Int) {
    // ⌈5·L/32⌉ and ⌈4·L/32⌉: of 32 layers the paper's 5 and 4.
    (
      parameters.bottom ?? (5 * count + 31) / 32, parameters.top ?? (4 * count + 31) / 32,
      parameters.transition
    )
  }

  public func checkPlace(_ place: TensorPlace) throws(MergeError) {
    guard case .layer(_, let count) = place else { return }
    let (bottom, top, transition) = zones(of: count)
    let needed = bottom + top + 2 * transition
    guard needed > count else { return }
    throw .operation(
      Diagnosis(
        what:
          "The zones of `layer_swap` take \(needed) layers (bottom \(bottom), top \(top), twice "
          + "\(transition) between), and the result has \(count).",
        where: "`bottom`, `top` and `transition`", next: "Lower them until the zones fit."))
  }

  /// The task expert's share at a place.
  func share(at place: TensorPlace) -> Double {
    switch place {
    case .before: return parameters.embeddings
    case .after: return parameters.head
    case .layer(let index, let count):
      let (bottom, top, transition) = zones(of: count)
      // How deep in from the nearer of the two borders, from 1 on.
      let depth = min(index - bottom, count - 1 - top - index) + 1
      if depth <= 0 { return 0 }
      return depth > transition ? 1 : Double(depth) / Double(transition + 1)
    }
  }

  public func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) {
    let share = share(at: group.place)
    group.map(into: &output) { chunk, out in
      if share == 0 { return out.assign(chunk.base) }
      if share == 1 { return out.assign(chunk.source(0)) }
      let (base, source) = (chunk.base, chunk.source(0))
      for i in out.indices {
        out[i] = Float((1 - share) * Double(base[i]) + share * Double(source[i]))
      }
    }
  }
}
