// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Foundation
import Templates

extension ChatTemplates {
  /// The templates of a model, of the files that travel with its weights.
  ///
  /// Cost: one read of each small file.
  init(_ checkpoint: Checkpoint) throws(CheckpointError) {
    var files: [String: [UInt8]] = [:]
    for file in checkpoint.tokenizerFiles where Self.isRead(file.name) {
      files[file.name] = try file.bytes()
    }
    do throws(TemplateError) {
      try self.init(files: files, origin: checkpoint.origin)
    } catch {
      throw .operation(error.diagnosis)
    }
  }
}
