// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Foundation
import Templates

extension ChatTemplates {
  /// The templates of a model, of the files that travel with its weights.
  ///
  /// Cost: one read of each small file.
  ///
  /// - Parameter readsFolder: whether to read `additional_chat_templates` beside the model's
  ///   chat_template.jinja too. No file in it travels with weights, so what is read so cannot be
  ///   written again by copying files.
  init(_ checkpoint: Checkpoint, readsFolder: Bool = false) throws(CheckpointError) {
    var files: [String: [UInt8]] = [:]
    for file in checkpoint.tokenizerFiles where Self.fileNames.contains(file.name) {
      files[file.name] = try file.bytes()
    }
    if readsFolder, let home = checkpoint.tokenizerFiles.lazy.compactMap(\.folder).first {
      let place = URL(fileURLWithPath: home).appendingPathComponent(Self.folder)
      let names = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
      for name in names where name.hasSuffix(".jinja") {
        do {
          files["\(Self.folder)/\(name)"] = Array(
            try Data(contentsOf: place.appendingPathComponent(name)))
        } catch {
          throw .cannotRead(
            path: place.appendingPathComponent(name).path, reason: error.localizedDescription)
        }
      }
    }
    do throws(TemplateError) {
      try self.init(files: files, origin: checkpoint.origin)
    } catch {
      throw .operation(error.diagnosis)
    }
  }
}
