// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Corpora
import Documents
import Foundation
import Recipes
import Runs

/// `koine lab`: writes the laboratory languages with their ground truth.
struct LabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab", abstract: "Write the laboratory languages: text, tasks, and the truth.")

  @Option(help: "The folder to write.", completion: .directory)
  var out: String

  @Option(
    help: "A YAML file with settings other than the defaults.",
    completion: .file(extensions: ["yaml", "yml"]))
  var settings: String?

  @Option(help: "The seed of the languages; wins over the settings.")
  var seed: Int?

  @Flag(help: "Replace a folder that is there.")
  var force = false

  @OptionGroup var format: FormatOptions

  func run() throws {
    guard !out.isEmpty else { throw InputError.emptyName(option: "--out") }
    var lab = LabSettings()
    if let settings {
      let text = try Disk.readText(settings)
      lab = try LabSettings(
        Settings(try YAML.parse(text, origin: settings), origin: settings))
    }
    if let seed { lab.seed = seed }
    try lab.validate()
    var files: [JSON] = []
    var byteCount = 0
    let world = try Lab.write(to: out, settings: lab, replacing: force) { file, size in
      files.append(["path": JSON(file), "bytes": JSON(size)])
      byteCount += size
    }
    let codes = world.languages.map(\.code)
    if format.json {
      Output.json([
        "schema": 1, "out": JSON(out), "languages": JSON(codes.map { JSON($0) }),
        "settings": lab.json, "files": .array(files),
      ])
    } else {
      Output.text(
        "wrote \(out): \(codes.joined(separator: ", ")); \(files.count) files, "
          + "\(NumberText.bytes(byteCount))\n")
    }
  }
}
