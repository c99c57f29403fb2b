// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Checkpoints
import Documents
import Recipes
import Runs
import Surgery
import Tensors

/// `koine quantize`: a model in few bits, as mlx-lm runs it.
struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize", abstract: "Store a model's matrices in few bits, as mlx-lm runs them.",
    discussion: """
      Writes a folder in MLX's affine form: every run of --group-size weights shares a scale and a \
      bias. Koine reads such folders wherever it takes a model; `koine diff` shows what was lost.
      """)

  @Argument(
    help: "The model's folder, a model of the hub, or FOLDER+ADAPTER.",
    completion: .directory)
  var model: String

  @Argument(help: "The folder to write.", completion: .directory)
  var out: String

  @Option(help: "Bits of a weight: 2, 3, 4, 5, 6 or 8.")
  var bits = 4

  @Option(help: "How many weights share a scale: 32, 64 or 128.")
  var groupSize = 64

  @Option(
    help: "The type of scales and of what is not quantised, such as bfloat16 (default: as it is).")
  var dtype: String?

  @Option(
    help: ArgumentHelp(
      "Leave tensors as they are in whose name this regular expression occurs (repeatable).",
      valueName: "pattern"))
  var keep: [String] = []

  @Option(
    help: ArgumentHelp(
      "Other bits for tensors in whose name the pattern occurs, such as lm_head=8 (repeatable).",
      valueName: "pattern=bits"))
  var override: [String] = []

  @Option(help: "Begin a new file of weights after so much, such as 5GB.")
  var outShardSize = ByteSize(count: 5_000_000_000)

  @Flag(help: "Replace a model that is there.")
  var force = false

  @Flag(help: "Print what would be written, and write nothing.")
  var dryRun = false

  @OptionGroup var format: FormatOptions

  func validate() throws {
    guard AffineGroups.allBits.contains(bits) else {
      throw ValidationError("--bits should be 2, 3, 4, 5, 6 or 8, found \(bits).")
    }
    guard AffineGroups.allSizes.contains(groupSize) else {
      throw ValidationError("--group-size should be 32, 64 or 128, found \(groupSize).")
    }
    if let dtype, !["float32", "float16", "bfloat16"].contains(dtype) {
      throw ValidationError("--dtype should be float32, float16 or bfloat16, found `\(dtype)`.")
    }
    for text in override where Self.parsed(text, groupSize: groupSize) == nil {
      throw ValidationError(
        "--override should be PATTERN=BITS, such as lm_head=8, found `\(text)`.")
    }
  }

  private static func parsed(
    _ text: String, groupSize: Int
  ) -> (pattern: String, groups: AffineGroups?)? {
    guard let sign = text.lastIndex(of: "="), sign > text.startIndex,
      let bits = Int(text[text.index(after: sign)...]),
      let groups = AffineGroups(bits: bits, size: groupSize)
    else { return nil }
    return (String(text[..<sign]), groups)
  }

  func run() throws {
    guard let groups = AffineGroups(bits: bits, size: groupSize) else {
      throw ValidationError("--bits and --group-size do not go together.")
    }
    let named = try NamedModel(model)
    if let there = Disk.identity(out), let home = Disk.identity(named.folder),
      there.device == home.device, there.inode == home.inode
    {
      throw CheckpointError.target(out, .input)
    }
    let quantization = try ModelQuantization(
      groups: groups,
      overrides: keep.map { ($0, nil) }
        + override.compactMap { Self.parsed($0, groupSize: groupSize) },
      elementType: dtype.flatMap(ElementType.init(torchName:)))
    let (quantized, unfitting) = try quantization.apply(to: named.checkpoint)
    let options = CheckpointWriter.Options(shardByteLimit: outShardSize.count, force: force)
    _ = try CheckpointWriter.check(quantized, to: out, options: options)
    let weights = named.checkpoint.parameterCount
    let bitsPerWeight = Double(8 * quantized.byteCount) / Double(max(1, weights))
    var summary: JSON = [
      "schema": 1, "out": JSON(out), "bits": JSON(bits), "group_size": JSON(groupSize),
      "parameters": JSON(weights), "bytes": JSON(quantized.byteCount),
      "bits_per_weight": JSON(bitsPerWeight), "not_quantized": JSON(unfitting.map { JSON($0) }),
    ]
    if !dryRun {
      let start = ContinuousClock.now
      let work = CommandWork("quantize")
      try CheckpointWriter.write(quantized, to: out, options: options) { progress in
        work.show(progress.writtenByteCount, of: progress.totalByteCount, unit: "B")
      }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      work.finish(seconds: seconds, byteCount: quantized.byteCount)
      summary["seconds"] = JSON(seconds)
    }
    guard !format.json else { return Output.json(summary) }
    Output.text(
      """
      \(dryRun ? "would write" : "wrote") \(out): \(NumberText.count(weights)) weights in \
      \(NumberText.bytes(quantized.byteCount)), \(NumberText.fixed(bitsPerWeight, 2)) \
      bits each (before: \(NumberText.bytes(named.checkpoint.byteCount)))

      """)
    if !unfitting.isEmpty {
      Output.text(
        TerminalStyle.detect(descriptor: 1).paragraph(
          "Note: left as they are, for their rows are no whole runs of \(groupSize): "
            + unfitting.joined(separator: ", ")))
    }
  }
}
