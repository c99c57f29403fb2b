// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Templates
import Tensors

/// A model as one file that llama.cpp runs: its weights, its settings and its tokenizer.
///
/// - Source: the GGUF specification, version 3, and the names that llama.cpp gives to tensors.
/// - Departs: where llama.cpp cannot do what the model does, the export is refused instead of
///   written wrong, or a note says what differs.
public struct GGUFExport: Sendable {
  /// How matrices are encoded; norms, biases and other vectors are float32 always.
  public enum Encoding: String, CaseIterable, Sendable {
    case float32 = "f32"
    case float16 = "f16"
    case bfloat16 = "bf16"
    /// 8 bits, and a scale for every 32 weights; matrices whose rows are no whole number of blocks
    /// are written as float16.
    case eightBits = "q8_0"

    var tensorEncoding: GGUFTensor.Encoding {
      switch self {
      case .float32: .float32
      case .float16: .float16
      case .bfloat16: .bfloat16
      case .eightBits: .eightBitBlocks
      }
    }

    /// `general.file_type`.
    fileprivate var fileType: UInt32 {
      switch self {
      case .float32: 0
      case .float16: 1
      case .eightBits: 7
      case .bfloat16: 32
      }
    }
  }

  /// What a person should know of the result, a sentence each.
  public let notes: [String]
  /// How many tensors there are.
  public var tensorCount: Int { tensors.count }

  private let metadata: [(key: String, value: GGUFValue)]
  private let tensors: [GGUFTensor]

  /// Plans the file; reads headers and the tokenizer, no weights.
  ///
  /// - Parameters:
  ///   - name: `general.name`.
  ///   - preTokenizer: llama.cpp's name for the way in which the tokenizer splits text, where it is
  ///     not found by itself.
  /// - Throws: ``CheckpointError`` for a family or a setting that llama.cpp does not know, for tensors
  ///   that config.json gives no place, and for a folder without a tokenizer.
  public init(
    _ checkpoint: Checkpoint, encoding: Encoding, name: String, preTokenizer: String? = nil
  ) throws(CheckpointError) {
    let type = checkpoint.config["model_type"]?.string ?? "(none)"
    guard let family = GGUFFamily.named(type) else {
      throw .unsupportedArchitecture(
        found: "`\(type)`", origin: checkpoint.origin,
        supported: GGUFFamily.all.flatMap(\.modelTypes))
    }
    try checkpoint.checkTiedHead()
    let planned: Plan
    do throws(GGUFFault) {
      planned = try Plan(checkpoint, family, encoding, name: name)
    } catch { throw Self.error(error, checkpoint) }
    let tokenizer = try Self.tokenizer(
      checkpoint, rowCount: planned.rowCount, preTokenizer: preTokenizer)
    metadata = planned.metadata + tokenizer.vocabulary.metadata
    tensors = planned.tensors
    var notes = planned.notes
    func list(_ names: [String]) -> String {
      names.prefix(20).map { "`\($0.excerpt)`" }.joined(separator: ", ")
    }
    if tokenizer.templates["default"] == nil, !tokenizer.templates.names.isEmpty {
      notes.append(
        "The file has no default chat template, only \(list(tokenizer.templates.names)), which "
          + "programs use where they are told to.")
    }
    if !tokenizer.leftOut.isEmpty {
      notes.append(
        "Left out are the chat templates \(list(tokenizer.leftOut)), whose names GGUF cannot tell "
          + "from others.")
    }
    if tokenizer.vocabulary.splitsDifferently {
      notes.append(
        "llama.cpp has no name for the way this tokenizer splits text, so its token ids may differ "
          + "there; --pre names one that fits.")
    }
    self.notes = notes
  }

  /// Writes the file; see ``GGUFWriter``.
  /// - Returns: its size.
  public func write(
    to path: String, force: Bool = false, progress: ((_ done: Int, _ total: Int) -> Void)? = nil
  ) throws(CheckpointError) -> Int {
    try GGUFWriter.write(metadata, tensors, to: path, force: force, progress: progress)
  }

  private static func error(_ fault: GGUFFault, _ checkpoint: Checkpoint) -> CheckpointError {
    switch fault {
    case .inexpressible(let what):
      .operation(
        Diagnosis(
          what: "GGUF cannot express \(what).", where: checkpoint.origin,
          next: "Use the model with transformers or mlx-lm, which read the folder as it is."))
    case .missing(let key):
      .config(
        key: key, origin: checkpoint.origin, expected: "a positive number",
        found: checkpoint.config[key]?.serialized() ?? "none")
    }
  }

  private static func tokenizer(
    _ checkpoint: Checkpoint, rowCount: Int, preTokenizer: String?
  ) throws(CheckpointError) -> (
    vocabulary: GGUFTokenizer, templates: ChatTemplates, leftOut: [String]
  ) {
    let document: TokenizerDocument?
    do { document = try TokenizerDocument(checkpoint) } catch {
      throw .operation(error.diagnosis)
    }
    guard let document else {
      throw .operation(
        Diagnosis(
          what: "The model has no tokenizer.", where: checkpoint.origin,
          next: "Put tokenizer.json and tokenizer_config.json beside the weights."))
    }
    var settings: [JSON] = []
    for name in ["tokenizer_config.json", "special_tokens_map.json"] {
      guard let file = checkpoint.tokenizerFiles.first(where: { $0.name == name }) else { continue }
      let bytes = try file.bytes()
      do throws(DocumentError) {
        settings.append(try JSON.parse(bytes, origin: "\(checkpoint.origin)/\(name)"))
      } catch { throw .document(error) }
    }
    let templates = try ChatTemplates(checkpoint)
    do throws(GGUFFault) {
      var result = try GGUFTokenizer(
        document, settings: settings, config: checkpoint.config, rowCount: rowCount,
        preTokenizer: preTokenizer)
      let leftOut = result.setChatTemplates(templates)
      return (result, templates, leftOut)
    } catch { throw Self.error(error, checkpoint) }
  }
}

extension GGUFExport {
  /// The tensors and settings of a model.
  private struct Plan {
    var metadata: [(key: String, value: GGUFValue)]
    var tensors: [GGUFTensor] = []
    var notes: [String] = []
    /// Rows of the embedding.
    let rowCount: Int

    init(
      _ checkpoint: Checkpoint, _ family: GGUFFamily, _ encoding: Encoding, name: String
    ) throws(GGUFFault) {
      let settings = try GGUFSettings(family, config: checkpoint.config)
      try settings.setCommon()
      metadata = [
        ("general.architecture", .string(family.architecture)), ("general.type", .string("model")),
        ("general.name", .string(name)), ("general.file_type", .uint32(encoding.fileType)),
      ]
      if encoding == .eightBits {
        metadata.append(("general.quantization_version", .uint32(2)))
      }
      metadata += settings.metadata
      for warning in settings.warnings {
        switch warning {
        case .noWindow:
          notes.append(
            "The model attends within a window; llama.cpp lets this family see the whole text.")
        }
      }
      guard let rows = checkpoint.info("model.embed_tokens.weight")?.shape.extents.first else {
        throw .inexpressible("a model without the tensor `model.embed_tokens.weight`")
      }
      rowCount = rows
      let heads = (
        Int(try settings.count("num_attention_heads")),
        Int(
          try settings.count(
            "num_key_value_heads", Int(settings.count("num_attention_heads"))))
      )
      for name in checkpoint.names {
        guard let place = try Self.place(name, family, settings) else { continue }
        guard let source = try? checkpoint.source(name) else { continue }
        tensors.append(
          Self.tensor(place, source, family, encoding, heads: heads, tensor: name))
      }
      if let factors = try settings.rotaryFactors() {
        let info = TensorInfo(elementType: .float32, shape: [factors.count])
        var bytes: [UInt8] = []
        for factor in factors {
          for shift in 0..<4 {
            bytes.append(UInt8(truncatingIfNeeded: factor.bitPattern >> UInt32(8 * shift)))
          }
        }
        let reader = StoredReader(info: info, bytes: bytes)
        tensors.insert(
          GGUFTensor(
            name: "rope_freqs.weight",
            source: TensorSource(info: info, origin: checkpoint.origin) { reader },
            encoding: .float32), at: 0)
      }
    }

    /// What a tensor is called there; `nil` for one that is left out.
    private static func place(
      _ name: String, _ family: GGUFFamily, _ settings: GGUFSettings
    ) throws(GGUFFault) -> String? {
      switch name {
      case "model.embed_tokens.weight": return "token_embd.weight"
      case "model.norm.weight": return "output_norm.weight"
      case "lm_head.weight": return settings.tiesWordEmbeddings ? nil : "output.weight"
      default: break
      }
      if name.hasSuffix("rotary_emb.inv_freq") { return nil }
      let parts = name.split(separator: ".", maxSplits: 3).map(String.init)
      if parts.count == 4, parts[0] == "model", parts[1] == "layers", let layer = Int(parts[2]),
        (0..<settings.layerCount).contains(layer), let dot = parts[3].lastIndex(of: "."),
        let own = family.layerNames[String(parts[3][..<dot])]
      {
        return "blk.\(layer).\(own)\(parts[3][dot...])"
      }
      throw .inexpressible("the tensor `\(name)`")
    }

    private static func tensor(
      _ place: String, _ source: TensorSource, _ family: GGUFFamily, _ encoding: Encoding,
      heads: (queries: Int, keys: Int), tensor name: String
    ) -> GGUFTensor {
      var source = source
      if family.permutesRotaryRows {
        if name.contains(".q_proj.") { source = RotaryPairs.source(source, heads: heads.queries) }
        if name.contains(".k_proj.") { source = RotaryPairs.source(source, heads: heads.keys) }
      }
      if family.normsAddOne, name.hasSuffix("norm.weight") { source = PlusOne.source(source) }
      var own = encoding.tensorEncoding
      if source.info.shape.rank < 2 {
        own = .float32
      } else if own == .eightBitBlocks,
        source.info.shape.extents.last?.isMultiple(of: EightBitBlocks.size) != true
      {
        own = .float16
      }
      return GGUFTensor(name: place, source: source, encoding: own)
    }
  }
}

/// Puts the rows of each head from halves into pairs: row 2i + j is the old row j · d/2 + i.
private struct RotaryPairs: TensorReader {
  let reader: any TensorReader
  /// Rows of a head, and elements of a row.
  let headSize: Int
  let width: Int

  static func source(_ source: TensorSource, heads: Int) -> TensorSource {
    let rows = source.info.shape[0]
    // Rows that are no whole heads of pairs stay: the model could not run anyway.
    guard heads > 0, rows.isMultiple(of: 2 * heads) else { return source }
    let width = source.info.shape.elementCount / max(1, rows)
    return TensorSource(info: source.info, origin: source.origin) { () throws(CheckpointError) in
      RotaryPairs(reader: try source.prepare(), headSize: rows / heads, width: width)
    }
  }

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    var position = 0
    while position < output.count {
      let (row, column) = (start + position).quotientAndRemainder(dividingBy: width)
      let (head, inside) = row.quotientAndRemainder(dividingBy: headSize)
      let old = head * headSize + inside % 2 * (headSize / 2) + inside / 2
      let count = min(width - column, output.count - position)
      try reader.read(
        from: old * width + column, into: output[position..<(position + count)])
      position += count
    }
  }
}

/// Adds one to every number.
private struct PlusOne: TensorReader {
  let reader: any TensorReader

  static func source(_ source: TensorSource) -> TensorSource {
    let info = TensorInfo(elementType: .float32, shape: source.info.shape)
    return TensorSource(info: info, origin: source.origin) { () throws(CheckpointError) in
      PlusOne(reader: try source.prepare())
    }
  }

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    try reader.read(from: start, into: output)
    for index in output.indices { output[index] += 1 }
  }
}
