// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Documents

@Suite struct DiagnosisTests {
  @Test func `a reason that brings its full stop does not double it`() {
    let diagnosis = Diagnosis(
      what: "The engine failed: out of memory..", where: "/a/..", next: "And so on...")
    #expect(diagnosis.what == "The engine failed: out of memory.")
    #expect(diagnosis.where == "/a/..")
    #expect(diagnosis.next == "And so on...")
    let inner = DocumentError.syntax(origin: "a", position: "line 1", problem: "no end.")
    #expect(inner.diagnosis.what == "The text is not well formed: no end.")
  }

  @Test func `a sentence becomes a clause of a longer one`() {
    for (text, clause) in [
      ("A reason.", "A reason"), ("a reason", "a reason"), ("Twice..", "Twice"), ("", ""),
      ("and so on...", "and so on..."), ("lines. \n", "lines"), (".", ""),
    ] { #expect(text.clause == clause) }
  }

  @Test func `the system's reason is found under Foundation's`() throws {
    let folder = FileManager.default.temporaryDirectory
    do {
      _ = try Data(contentsOf: folder)
      Issue.record("read a folder")
    } catch {
      #expect(SystemReason.code(of: error) == EISDIR)
      #expect(SystemReason.text(of: error) == "Is a directory")
    }
    do {
      _ = try FileManager.default.contentsOfDirectory(
        atPath: folder.appending(path: "koine-\(UUID().uuidString)").path)
      Issue.record("listed nothing")
    } catch {
      #expect(SystemReason.text(of: error) == "No such file or directory")
    }
  }
}
