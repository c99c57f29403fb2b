// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// The three lines of the error that `body` throws; empty when it throws none.
func lines(of body: () throws(DocumentError) -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return error.description
  }
}

/// The problem and place of a syntax error; empty when the text parses.
func problem(_ parse: () throws(DocumentError) -> Void) -> String {
  do {
    try parse()
    return ""
  } catch {
    guard case .syntax(_, let position, let problem) = error else { return error.description }
    return "\(position): \(problem)"
  }
}

/// The rows of a file that `Tests/Golden/mergekit-yaml/make.py` has written.
func pythonRows(_ name: String) throws -> [JSON] {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Golden/mergekit-yaml")
  let data = try Data(contentsOf: folder.appendingPathComponent(name))
  return try JSON.parse(data, origin: name).array ?? []
}
