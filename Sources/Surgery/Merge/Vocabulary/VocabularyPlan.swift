// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// The result's vocabulary, and which rows of each model its tokens have.
///
/// Tokens are matched by their text. A token whose id lies beyond a model's rows counts as one that
/// the model lacks (mergekit stops there). For a token that a model lacks, the row is, in this
/// order: what a rule says; the row of the only model that has the token; the base's; the mean of
/// those that have it. A token that no model has gets a row of zeros. Rows beyond the vocabulary are
/// the mean of those before them.
///
/// A difference lends no rows and borrows none: its row of a token that its tuned model lacks, or
/// that a rule forces, is zero.
struct VocabularyPlan {
  /// `nil` where no model has a tokenizer: rows are then matched by number.
  private let document: TokenizerDocument?
  /// The tokenizer's files of the result.
  let files: [Checkpoint.CompanionFile]
  private let rules: [Int: TokenizerSection.TokenRule]
  private let padding: Int
  /// The models of the recipe, then those that rules name.
  private let models: [InputModel]
  private let documents: [TokenizerDocument?]
  /// For each model, for each token of the result, the model's id; −1 for none.
  private let ids: [[Int32]]
  private let unknownCount: Int

  /// How many rows the result has; `nil` where rows are matched by number.
  var rowCount: Int? { document.map { $0.size + padding } }

  init(
    _ section: TokenizerSection, recipe: MergeRecipe, models: [InputModel], cache: ModelCache,
    notes: inout MergePlanner.Notes
  ) throws {
    var all = models
    try Self.checkModels(of: section)
    for rule in section.tokens {
      switch rule.source {
      case .model(let model), .token(let model, _), .row(let model, _):
        if !all.contains(where: { $0.reference == model }) { all.append(try cache.model(model)) }
      case .zero, nil: break
      }
    }
    var documents = try all.map { try TokenizerDocument($0.checkpoint) }
    if section.source == .base, section.tokens.isEmpty, documents.allSatisfy({ $0 == nil }) {
      notes.add("No model has a tokenizer.json; rows of the vocabulary are matched by number.")
      self.init(files: models[0].checkpoint.tokenizerFiles, models: all, documents: documents)
      return
    }
    var source = models[0]
    var result: TokenizerDocument
    if case .model(let reference) = section.source {
      source = try cache.model(reference)
      guard let found = try TokenizerDocument(source.checkpoint) else {
        throw Self.noTokenizer(source)
      }
      result = found
    } else {
      guard let base = documents[0] else { throw Self.noTokenizer(source) }
      result = try base.stripped(to: source.vocabularySize ?? .max)
      if section.source == .union {
        let donors = zip(models, documents).dropFirst().compactMap { model, document in
          document.map {
            TokenizerUnion.Donor(
              name: model.name, document: $0, limit: model.vocabularySize ?? .max)
          }
        }
        result = try TokenizerUnion.make(
          result, donors, samples: cache.options.sampleTexts, notes: &notes)
      }
    }
    for index in documents.indices where documents[index] == nil {
      notes.add(
        "\(all[index].name) has no tokenizer.json and is taken to have that of "
          + "\(models[0].name).")
      documents[index] = documents[0]
    }
    let before = result
    result = result.adding(section.tokens.map { Self.addedToken($0.token) })
    try self.init(
      result, isChanged: result.json != (try TokenizerDocument(source.checkpoint))?.json,
      added: result.size - before.size, source: source, models: all, documents: documents,
      section: section)
    if unknownCount > 0 {
      notes.add(
        "\(unknownCount) tokens of the vocabulary are in none of the models; their rows are "
          + "zero.")
    }
  }

  private init(
    files: [Checkpoint.CompanionFile], models: [InputModel], documents: [TokenizerDocument?]
  ) {
    document = nil
    self.files = files
    rules = [:]
    padding = 0
    self.models = models
    self.documents = documents
    ids = []
    unknownCount = 0
  }

  private init(
    _ document: TokenizerDocument, isChanged: Bool, added: Int, source: InputModel,
    models: [InputModel], documents: [TokenizerDocument?], section: TokenizerSection
  ) throws(MergeError) {
    self.document = document
    self.models = models
    self.documents = documents
    let multiple = section.padToMultipleOf ?? 1
    padding = (multiple - document.size % multiple) % multiple
    var rules: [Int: TokenizerSection.TokenRule] = [:]
    for rule in section.tokens {
      if let id = document.id(of: rule.token), rule.source != nil { rules[id] = rule }
    }
    self.rules = rules
    ids = zip(models, documents).map { model, own in
      var row = [Int32](repeating: -1, count: document.size)
      let limit = min(model.vocabularySize ?? .max, Int(Int32.max))
      for entry in document.entries {
        if let id = own?.id(of: entry.text), id < limit { row[entry.id] = Int32(id) }
      }
      return row
    }
    let all = ids
    unknownCount = document.entries.count { entry in
      rules[entry.id] == nil && all.allSatisfy { $0[entry.id] < 0 }
    }
    files =
      isChanged
      ? try Self.files(of: source, with: document) : source.checkpoint.tokenizerFiles
  }

  /// Refuses differences, whose rows are none of a model's.
  private static func checkModels(of section: TokenizerSection) throws(MergeError) {
    var named: [ModelReference] = []
    if case .model(let model) = section.source { named.append(model) }
    for rule in section.tokens {
      switch rule.source {
      case .model(let model), .token(let model, _), .row(let model, _): named.append(model)
      case .zero, nil: break
      }
    }
    for model in named where model.difference != nil {
      throw .recipe(.differenceAsModel(model.description), origin: "`tokenizer`")
    }
  }

  private static func noTokenizer(_ model: InputModel) -> MergeError {
    .operation(
      Diagnosis(
        what: "The vocabulary of \(model.name) is asked for, and it has no tokenizer.json.",
        where: model.checkpoint.origin,
        next: "Put the model's tokenizer.json into its folder, or name another `source`."))
  }

  private static func addedToken(_ text: String) -> JSON {
    [
      "id": 0, "content": JSON(text), "single_word": false, "lstrip": false, "rstrip": false,
      "normalized": true, "special": false,
    ]
  }
}

// MARK: Rows

extension VocabularyPlan {
  /// The parts of one tensor with their rows in the result's order.
  ///
  /// - Parameters:
  ///   - base: the position among the slice's inputs of the base, which lends rows first.
  ///   - work: the type to which rows are rounded where numbers are mergekit's.
  func aligned(
    _ parts: [MergePlanner.Part], of output: TensorSlot, _ input: TensorSlot, base: Int?,
    work: WorkType? = nil
  ) throws(MergeError) -> [TensorSource] {
    var tensors = parts.map(\.source)
    guard let document, let axis = output.vocabularyAxis else { return tensors }
    let positions = parts.map { part in
      models.firstIndex { $0.reference == part.model.reference } ?? 0
    }
    var numbers = positions
    try checkShapes(output.name, parts, axis)
    func id(_ tensor: Int, _ token: Int) -> Int? {
      let id = Int(ids[numbers[tensor]][token])
      return id >= 0 && id < tensors[tensor].info.shape[axis] ? id : nil
    }
    var rows = parts.map { _ in
      RowSources(own: Array(repeating: -1, count: document.size), defaults: [:], padding: padding)
    }
    let basePart = parts.firstIndex { $0.position == base }
    for entry in document.entries {
      let found = parts.indices.map { id($0, entry.id) }
      let rule = rules[entry.id]
      for (part, id) in found.enumerated() where rule?.isForced != true {
        if let id { rows[part].own[entry.id] = Int32(id) }
      }
      guard rule?.isForced == true || found.contains(nil) else { continue }
      let present = found.indices.filter { found[$0] != nil && !parts[$0].model.isDifference }
      var sources: [(tensor: Int, row: Int)] = []
      if let rule, let source = rule.source {
        sources = try self.rows(
          source, of: rule.token, entry.id, input, axis, &tensors, &numbers, id)
      } else if present.count > 1, let basePart, let row = found[basePart] {
        sources = [(basePart, row)]
      } else {
        for part in present { if let row = found[part] { sources.append((part, row)) } }
      }
      for part in rows.indices where rows[part].own[entry.id] < 0 {
        if !parts[part].model.isDifference { rows[part].defaults[entry.id] = sources }
      }
    }
    return parts.indices.map { part in
      guard let work else {
        return RowGather.source(rows[part], tensors, position: part, axis: axis)
      }
      return ExactGather.source(rows[part], tensors, position: part, axis: axis, work: work)
    }
  }

  /// The rows a rule names; tensors of models that take no part are added.
  private func rows(
    _ source: TokenizerSection.RowSource, of token: String, _ tokenID: Int, _ slot: TensorSlot,
    _ axis: Int, _ tensors: inout [TensorSource], _ numbers: inout [Int],
    _ id: (Int, Int) -> Int?
  ) throws(MergeError) -> [(tensor: Int, row: Int)] {
    let reference: ModelReference
    switch source {
    case .zero: return []
    case .model(let model), .token(let model, _), .row(let model, _): reference = model
    }
    guard let number = models.firstIndex(where: { $0.reference == reference }) else {
      preconditionFailure("the models of all rules have been resolved")
    }
    func refuse(_ what: String) -> MergeError {
      .operation(
        Diagnosis(
          what: what, where: "`tokenizer.tokens`, the token `\(token)`",
          next: "Name a token that \(reference) has."))
    }
    if !numbers.contains(number) {
      guard let home = models[number].home(of: slot) else {
        throw refuse("\(reference) has no tensor `\(slot.name)` to take a row from.")
      }
      do throws(CheckpointError) {
        let source = try models[number].source(of: home)
        let (mine, first) = (source.info.shape.extents, tensors[0].info.shape.extents)
        guard mine.count == first.count, mine.count > axis,
          mine.indices.allSatisfy({ $0 == axis || mine[$0] == first[$0] })
        else {
          throw .wrongShape(
            tensor: slot.name, expected: tensors[0].info.shape, found: source.info.shape,
            origin: source.origin)
        }
        tensors.append(source)
        numbers.append(number)
      } catch {
        throw .checkpoint(error)
      }
    }
    guard let tensor = numbers.firstIndex(of: number) else { return [] }
    let size = tensors[tensor].info.shape[axis]
    let row: Int?
    switch source {
    case .token(_, let text): row = documents[number]?.id(of: text)
    case .row(_, let id): row = id
    default: row = Int(ids[number][tokenID])
    }
    guard let row, row >= 0, row < size else {
      throw refuse(
        {
          switch source {
          case .token(_, let text): "\(reference) has no row for the token `\(text)`."
          case .row(_, let id): "\(reference) has \(size) rows, and none of the number \(id)."
          default: "\(reference) has no row for the token `\(token)`."
          }
        }())
    }
    return [(tensor, row)]
  }

  private func checkShapes(
    _ name: String, _ parts: [MergePlanner.Part], _ axis: Int
  ) throws(MergeError) {
    let first = parts[0]
    for part in parts {
      let (mine, other) = (part.source.info.shape, first.source.info.shape)
      guard mine.rank == other.rank, mine.rank > axis,
        (0..<mine.rank).allSatisfy({ $0 == axis || mine[$0] == other[$0] })
      else {
        throw .shapes(
          tensor: name, first: other, firstModel: first.model.checkpoint.origin, second: mine,
          secondModel: part.model.checkpoint.origin)
      }
    }
  }
}

// MARK: Files and config

extension VocabularyPlan {
  /// The files of a model with another tokenizer.json; those that would contradict it are left out.
  private static func files(
    of model: InputModel, with document: TokenizerDocument
  ) throws(MergeError) -> [Checkpoint.CompanionFile] {
    let stale: Set<String> = [
      "added_tokens.json", "merges.txt", "tokenizer.json", "tokenizer.model", "vocab.json",
    ]
    var files = model.checkpoint.tokenizerFiles.filter { !stale.contains($0.name) }
    files.append(document.file)
    if let index = files.firstIndex(where: { $0.name == "tokenizer_config.json" }) {
      let origin = "\(model.checkpoint.origin)/tokenizer_config.json"
      do {
        var config = try JSON.parse(try files[index].bytes(), origin: origin)
        if config["added_tokens_decoder"]?.object != nil {
          var decoder = JSONObject()
          for entry in document.entries {
            guard let added = entry.added?.object else { continue }
            var value = added
            value["id"] = nil
            decoder[String(entry.id)] = .object(value)
          }
          config["added_tokens_decoder"] = .object(decoder)
          files[index] = .init(
            name: "tokenizer_config.json",
            contents: Array((config.serialized(pretty: true) + "\n").utf8))
        }
      } catch let error as any Diagnosed {
        throw .operation(error.diagnosis)
      } catch {
        preconditionFailure("an error of an unknown type: \(error)")
      }
    }
    return files.sorted { $0.name < $1.name }
  }

  /// Keys of config.json with ids of tokens.
  private static let idKeys = [
    "bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "sep_token_id",
    "cls_token_id", "mask_token_id", "decoder_start_token_id",
  ]

  /// Writes the number of rows into a config, and the result's ids of the tokens it names.
  func update(
    _ config: inout JSON, donor: InputModel, notes: inout MergePlanner.Notes
  ) {
    guard let document, let rowCount else { return }
    if config["text_config"]?["vocab_size"] != nil {
      config["text_config"]?["vocab_size"] = JSON(rowCount)
    }
    if config["vocab_size"] != nil || config["text_config"]?["vocab_size"] == nil {
      config["vocab_size"] = JSON(rowCount)
    }
    guard let own = documents[0] else { return }
    var texts: [Int: String] = [:]
    for entry in own.entries { texts[entry.id] = entry.text }
    for key in Self.idKeys {
      func moved(_ value: JSON) -> JSON {
        guard let id = value.int, id >= 0, let text = texts[id] else { return value }
        guard let new = document.id(of: text) else {
          notes.add(
            "`\(key)` of config.json is \(id), `\(text)`, which the result's vocabulary lacks.")
          return value
        }
        return new == id ? value : JSON(new)
      }
      guard let value = config[key], !value.isNull else { continue }
      config[key] = value.array.map { JSON($0.map(moved)) } ?? moved(value)
    }
  }
}
