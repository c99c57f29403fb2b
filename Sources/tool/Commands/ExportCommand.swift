// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Checkpoints
import Documents
import Foundation
import Recipes
import Runs
import Surgery

/// `koine export`: a model in another ecosystem's form.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a model as one GGUF file, as llama.cpp runs it.",
    discussion: """
      Families: llama, mistral, qwen2, qwen3, smollm3, gemma, gemma2, gemma3_text, with a BPE \
      tokenizer. What llama.cpp cannot do as the model does is refused, or noted.
      """)

  @Argument(
    help: "The model's folder, a model of the hub, or FOLDER+ADAPTER.",
    completion: .directory)
  var model: String

  @Argument(help: "The file to write.", completion: .file(extensions: ["gguf"]))
  var out: String

  @Flag(help: "Write GGUF; the only form so far.")
  var gguf = false

  @Option(help: "How matrices are encoded: f32, f16, bf16 or q8_0.")
  var type = GGUFExport.Encoding.float16

  @Option(help: "The model's name in the file (default: the folder's).")
  var name: String?

  @Option(
    help: ArgumentHelp(
      "llama.cpp's name for the way the tokenizer splits text, where it is not found by itself.",
      valueName: "name"))
  var pre: String?

  @Flag(help: "Replace a file that is there.")
  var force = false

  @OptionGroup var format: FormatOptions

  func validate() throws {
    guard gguf else { throw ValidationError("Say which form to write: --gguf.") }
    if let name, name.isEmpty { throw ValidationError("--name should not be empty.") }
    if let pre, pre.isEmpty { throw ValidationError("--pre should not be empty.") }
  }

  func run() throws {
    let named = try NamedModel(model)
    let folder = URL(fileURLWithPath: model).lastPathComponent
    let place = URL(fileURLWithPath: out).deletingLastPathComponent().path
    // A weight file of the model itself would be lost by force.
    if let there = Disk.identity(out), let home = Disk.identity(named.folder),
      let parent = Disk.identity(place), !there.isFolder,
      parent.device == home.device, parent.inode == home.inode
    {
      throw CheckpointError.target(out, .input)
    }
    let export = try GGUFExport(
      named.checkpoint, encoding: type, name: name ?? folder, preTokenizer: pre)
    let start = ContinuousClock.now
    let work = CommandWork("export")
    let byteCount = try export.write(to: out, force: force) { done, total in
      work.show(done, of: total, unit: "B")
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    work.finish(seconds: seconds, byteCount: byteCount)
    guard !format.json else {
      return Output.json([
        "schema": 1, "out": JSON(out), "type": JSON(type.rawValue),
        "tensors": JSON(export.tensorCount), "bytes": JSON(byteCount), "seconds": JSON(seconds),
        "notes": JSON(export.notes.map { JSON($0) }),
      ])
    }
    Output.text(
      "wrote \(out): \(export.tensorCount) tensors, \(NumberText.bytes(byteCount)), "
        + "\(type.rawValue)\n")
    let style = TerminalStyle.detect(descriptor: 1)
    for note in export.notes { Output.text(style.paragraph("Note: \(note)")) }
  }
}

extension GGUFExport.Encoding: ExpressibleByArgument {}
