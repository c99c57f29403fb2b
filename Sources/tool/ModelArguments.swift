// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Checkpoints
import Documents
import Foundation
import Hub
import Recipes
import Runs
import Surgery

/// A model as commands take it: a folder, a model of the hub, or either with `+ADAPTER`.
struct NamedModel {
  let name: String
  /// The model's folder, without an adapter.
  let folder: String
  let checkpoint: Checkpoint

  init(_ text: String) throws {
    name = text
    // A folder may have a plus in its name.
    let isFolder = Disk.identity(text)?.isFolder ?? false
    guard !isFolder, text.contains("+") else {
      folder = try ModelPlace.folder(text)
      checkpoint = try Checkpoint.open(directory: folder)
      return
    }
    guard let reference = ModelReference(parsing: text) else {
      throw ModelArgumentError.malformed(text)
    }
    if case .stored(let location) = reference.base {
      folder = try ModelPlace.folder(location.path)
    } else {
      folder = text
    }
    checkpoint = try ModelResolver.hub(ModelPlace.models()).resolve(reference)
  }

  /// "llama, 1.24M parameters, F32".
  var summary: String {
    let types = Set(checkpoint.names.compactMap { checkpoint.info($0)?.elementType.rawValue })
    return [
      checkpoint.config["model_type"]?.string ?? "unknown",
      "\(NumberText.count(checkpoint.parameterCount)) parameters",
      types.sorted().joined(separator: " "),
    ].joined(separator: ", ")
  }
}

/// A model's name on the command line that is none.
enum ModelArgumentError: Diagnosed {
  case malformed(String)
  /// No such folder, but one with nearly that name.
  case missing(String, nearest: String)

  var diagnosis: Diagnosis {
    switch self {
    case .malformed(let text):
      Diagnosis(
        what: "Expected a model's folder or FOLDER+ADAPTER, found `\(text)`.", where: "arguments",
        next: "Name one folder, and at most one adapter behind a plus.")
    case .missing(let path, let nearest):
      Diagnosis(
        what: "There is no such folder.", where: path, next: "Did you mean `\(nearest)`?")
    }
  }
}

/// `--svg` and `--html`.
struct PictureOptions: ParsableArguments {
  @Option(
    help: "Draw the heat maps into this SVG file.", completion: .file(extensions: ["svg"]))
  var svg: String?

  @Option(
    help: "Write a page with heat maps and tables to this file.",
    completion: .file(extensions: ["html"]))
  var html: String?

  @Flag(help: "Replace these files where they are there.")
  var force = false

  var isEmpty: Bool { svg == nil && html == nil }

  /// Makes sure before any work that both can be written.
  func check() throws {
    for path in [svg, html].compactMap({ $0 }) {
      guard let name = path.split(separator: "/").last, !path.hasSuffix("/"), name != "." else {
        throw PictureError.name(path)
      }
      if let found = Disk.identity(path) {
        if found.isFolder || !force { throw PictureError.exists(path, isFolder: found.isFolder) }
      }
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      guard Disk.identity(folder)?.isFolder == true else {
        throw PictureError.noFolder(path, folder: folder)
      }
    }
  }

  /// Writes what was asked for and says so on stderr.
  func write(_ page: HeatMapPage) throws {
    func write(_ text: String, to path: String) throws {
      try AtomicFile.write(Data(text.utf8), to: path)
      Output.message("wrote \(path)")
    }
    if let svg { try write(Plots.heatMap(page.map), to: svg) }
    if let html { try write(page.rendered(), to: html) }
  }
}

/// A picture that cannot be written where it should go.
enum PictureError: Diagnosed {
  case name(String)
  case exists(String, isFolder: Bool)
  case noFolder(String, folder: String)

  var diagnosis: Diagnosis {
    switch self {
    case .name(let path):
      Diagnosis(
        what: "Expected the name of a file, found `\(path)`.", where: "`--svg` and `--html`",
        next: "Name a file in a folder that is there.")
    case .exists(let path, let isFolder):
      Diagnosis(
        what: isFolder ? "Expected a file, found a folder." : "The file is there already.",
        where: path,
        next: isFolder ? "Name a file." : "Name another, or give --force to replace it.",
        kind: .failed)
    case .noFolder(let path, let folder):
      Diagnosis(
        what: "The folder for the file does not exist.", where: path,
        next: "Make \(folder), or name a file elsewhere.", kind: .failed)
    }
  }
}
