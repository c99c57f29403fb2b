// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// A low-rank adapter (LoRA, DoRA) as it lies in a folder of PEFT's or mlx-lm's.
///
/// Opening reads `adapter_config.json` and the header of the weights. ``folded(into:)`` gives the
/// base with the adapter in its weights, as a lazy checkpoint: nothing is computed or written before
/// its elements are asked for.
///
/// - Source: Hu et al. 2021, arXiv:2106.09685 (LoRA); Liu et al. 2024, arXiv:2402.09353 (DoRA);
///   Kalajdzievski 2023, arXiv:2312.03732 (rank-stabilised scale); conventions of PEFT 0.21 and
///   mlx-lm.
public struct Adapter: Sendable {
  /// Whose conventions the folder follows.
  public enum Format: String, Sendable {
    case peft
    case mlx
  }

  /// The folder.
  public var directory: String { folder.path }
  let folder: ModelFolder
  public let format: Format
  /// The model it says it was trained on; `nil` when it does not say.
  public let baseModel: String?
  /// The changes of matrices, in order of the module's name.
  let updates: [LowRankUpdate]
  /// Tensors that take the place of the base's, in order of name.
  let replacements: [AdapterReplacement]
  /// Whether a module called so stores [inputs, outputs], where the shape does not tell.
  let storesInputsFirst: Bool
  /// Whether a change of the embedding is meant for a head that is tied to it, too.
  let keepsHeadTied: Bool

  /// How many matrices it changes by a product, and how many tensors it replaces.
  public var counts: (updates: Int, replacements: Int) { (updates.count, replacements.count) }

  /// Opens an adapter folder of PEFT (`adapter_config.json` with `peft_type`,
  /// `adapter_model.safetensors`) or of mlx-lm (`adapter_config.json`, `adapters.safetensors`).
  ///
  /// Everything that would change what the numbers mean and cannot be carried out is an error here:
  /// other kinds of adapters (IA³, AdaLoRA, VeRA …), initialisations that rewrite the base (PiSSA,
  /// OLoRA, CorDA, LoftQ), variants (aLoRA, QALoRA …), and keys nobody knows that are set.
  /// - Throws: ``AdapterError``.
  public static func open(directory: String) throws(AdapterError) -> Adapter {
    let folder: ModelFolder
    do throws(CheckpointError) {
      folder = try ModelFolder(directory)
    } catch {
      throw .checkpoint(error)
    }
    return try open(folder)
  }

  /// Opens what lies in a folder.
  package static func open(_ folder: ModelFolder) throws(AdapterError) -> Adapter {
    let name = "adapter_config.json"
    guard folder.has(name) else {
      throw .noAdapter(
        directory: folder.path, reason: "adapter_config.json is missing",
        advice: "Name the folder that PEFT or mlx-lm wrote.")
    }
    let origin = folder.path(of: name)
    let settings = try AdapterFile.configuration(name, in: folder)
    if settings["peft_type"] != nil {
      return try PEFTAdapter(settings, folder: folder, origin: origin).adapter()
    }
    if ["fine_tune_type", "lora_parameters", "num_layers", "lora_layers"].contains(where: {
      settings[$0] != nil
    }) {
      return try MLXAdapter(settings, folder: folder, origin: origin).adapter()
    }
    throw .noAdapter(
      directory: folder.path,
      reason: "adapter_config.json has neither `peft_type` (PEFT) nor `fine_tune_type` (mlx-lm)",
      advice: "Name the folder that PEFT or mlx-lm wrote.")
  }
}

/// One half of a product: a matrix of p × q that may be stored as its transpose.
struct LowRankFactor: Sendable {
  let tensor: AdapterTensor
  let rows: Int
  let columns: Int
  /// Whether the file holds q × p.
  let isTransposed: Bool

  /// The same numbers as the matrix's transpose.
  var transposed: LowRankFactor {
    LowRankFactor(tensor: tensor, rows: columns, columns: rows, isTransposed: !isTransposed)
  }

  /// Some rows, row after row. Cost: those elements are read and no others.
  func rows(
    _ range: Range<Int>, _ reader: any TensorReader
  ) throws(CheckpointError) -> [Float] {
    let (name, origin) = (tensor.name, tensor.source.origin)
    guard isTransposed else {
      return try TensorSource.floats(
        reader, (range.lowerBound * columns)..<(range.upperBound * columns), name: name,
        origin: origin)
    }
    var values = [Float](repeating: 0, count: range.count * columns)
    for column in 0..<columns {
      let start = column * rows + range.lowerBound
      let part = try TensorSource.floats(
        reader, start..<(start + range.count), name: name, origin: origin)
      for (i, value) in part.enumerated() { values[i * columns + column] = value }
    }
    return values
  }

  /// The whole matrix.
  func matrix() throws(CheckpointError) -> Matrix {
    let reader = try tensor.source.prepare()
    let values = try TensorSource.floats(
      reader, 0..<(rows * columns), name: tensor.name, origin: tensor.source.origin)
    let stored = Matrix(
      rows: isTransposed ? columns : rows, columns: isTransposed ? rows : columns, values: values)
    return isTransposed ? stored.transposed() : stored
  }
}

/// The change of one module's weight: scale · up · down, outputs × inputs.
struct LowRankUpdate: Sendable {
  /// The module's name in the base, such as `model.layers.0.self_attn.q_proj`.
  let module: String
  /// B: outputs × rank.
  let up: LowRankFactor
  /// A: rank × inputs.
  let down: LowRankFactor
  let scale: Double
  /// An embedding looks rows up, so its weight is [inputs, outputs]: tokens × width.
  let isEmbedding: Bool
  /// DoRA's learned lengths; `nil` for LoRA.
  let magnitude: AdapterTensor?
  /// Whether the lengths of an embedding are those of its rows (mlx-lm), not of its columns (PEFT).
  let measuresRows: Bool
  /// A change of the bias, times the scale.
  let bias: AdapterTensor?

  var rank: Int { down.rows }
  var outputs: Int { up.rows }
  var inputs: Int { down.columns }
}

/// A tensor of the adapter that takes the place of one of the base.
struct AdapterReplacement: Sendable {
  /// The name it should have in the base.
  let target: String
  let tensor: AdapterTensor
  /// Whether it belongs to a copy of a module (`modules_to_save`), so that weights tied to the
  /// original module stay as they are.
  let isModuleCopy: Bool
}
