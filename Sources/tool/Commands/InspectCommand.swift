// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Checkpoints
import Documents
import Runs
import Surgery

/// `koine inspect`: what is inside a checkpoint, and whether it is whole.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show what is inside a model, and check it.",
    discussion: """
      Checks files, names and shapes against the config; with --verify also that every weight is \
      a finite number. --norms shows how large the weights are, layer by layer, and what is odd \
      about them; it also takes models of architectures that Koine cannot run.
      """)

  @Argument(
    help: "The model's folder, a model of the hub, or MODEL+ADAPTER.", completion: .directory)
  var model: String

  @Flag(help: "List every tensor.")
  var tensors = false

  @Flag(help: "Read all weights and look for numbers that are not finite.")
  var verify = false

  @Flag(help: "Read all weights and show their sizes by layer, and what is odd about them.")
  var norms = false

  @OptionGroup var pictures: PictureOptions
  @OptionGroup var format: FormatOptions

  func validate() throws {
    guard norms || pictures.isEmpty else {
      throw ValidationError("--svg and --html draw what --norms measures; give --norms too.")
    }
  }

  func run() throws {
    try pictures.check()
    let named = try NamedModel(model)
    let checkpoint = named.checkpoint
    let isChecked = try check(checkpoint)
    if verify { try checkpoint.checkFinite() }
    let report = norms ? NormsReport(named, try measure(checkpoint)) : nil
    if let report, !pictures.isEmpty { try pictures.write(report.page) }
    let infos = checkpoint.names.compactMap { name in
      checkpoint.info(name).map { (name: name, info: $0) }
    }
    let types = Set(infos.map { $0.info.elementType.rawValue }).sorted()
    let architecture = checkpoint.config["model_type"]?.string ?? "unknown"
    if format.json {
      var summary: JSON = [
        "schema": 1, "model_type": JSON(architecture),
        "parameters": JSON(checkpoint.parameterCount), "bytes": JSON(checkpoint.byteCount),
        "dtypes": JSON(types.map { JSON($0) }), "tensor_count": JSON(infos.count),
        "tokenizer_files": JSON(checkpoint.tokenizerFiles.map { JSON($0.name) }),
        "finite": verify ? true : .null, "config": checkpoint.config,
        "quantization": checkpoint.quantization?.json ?? .null,
      ]
      if tensors {
        summary["tensors"] = JSON(
          infos.map { name, info -> JSON in
            [
              "name": JSON(name), "dtype": JSON(info.elementType.rawValue),
              "shape": JSON(info.shape.extents.map { JSON($0) }),
            ]
          })
      }
      if let report {
        summary["checked"] = JSON(isChecked)
        for (key, value) in report.norms.json.members { summary[key] = value }
      }
      Output.json(summary)
      return
    }
    var text = """
      \(model): \(architecture), \(NumberText.count(checkpoint.parameterCount)) parameters in \
      \(infos.count) tensors, \(NumberText.bytes(checkpoint.byteCount)), \
      \(types.joined(separator: " "))

      """
    if let quantization = checkpoint.quantization {
      text += "quantized: \(quantization.groups.bits) bits, in runs of \(quantization.groups.size)"
      text +=
        quantization.overrides.isEmpty
        ? "\n" : "; otherwise in \(quantization.overrides.count) modules\n"
    }
    let names = checkpoint.tokenizerFiles.map(\.name)
    let tokenizer = names.filter { $0 != "generation_config.json" }
    if !tokenizer.isEmpty { text += "tokenizer: \(tokenizer.joined(separator: ", "))\n" }
    if tokenizer != names { text += "generation: generation_config.json\n" }
    if verify { text += "all weights are finite\n" }
    if tensors {
      let rows = infos.map { name, info -> [TextTable.Cell] in
        [
          TextTable.Cell(name), TextTable.Cell(info.elementType.rawValue),
          TextTable.Cell(info.shape.extents.map(String.init).joined(separator: " × ")),
        ]
      }
      let columns = [
        TextTable.Column("tensor", isNumber: false), TextTable.Column("dtype", isNumber: false),
        TextTable.Column("shape", isNumber: false),
      ]
      text += "\n" + TextTable(columns: columns, groups: [rows]).rendered(.detect(descriptor: 1))
    }
    if !isChecked {
      text += "names and shapes are not checked: Koine has no blueprint of this architecture\n"
    }
    if let report { text += report.text(.detect(descriptor: 1)) }
    Output.text(text)
  }

  /// Checks names and shapes; an architecture without a blueprint can be measured unchecked.
  private func check(_ checkpoint: Checkpoint) throws -> Bool {
    let type = checkpoint.config["model_type"]?.string
    if norms, type.flatMap(Blueprint.named) == nil { return false }
    try checkpoint.validate()
    return true
  }

  private func measure(_ checkpoint: Checkpoint) throws -> ModelNorms {
    try CommandWork.reading(
      "inspect", parameterCount: checkpoint.parameterCount, byteCount: checkpoint.byteCount
    ) { progress in
      try ModelNorms.compute(checkpoint, progress: progress)
    }
  }
}
