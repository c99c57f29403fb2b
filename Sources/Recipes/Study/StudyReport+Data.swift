// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Runs

  /// What the texts of the study came to, and which trainings draw from them.
  extension StudyReport {
    func dataSizes() -> [ReportContent.DataSize] { textSizes() + parallelSizes() }

    private func textSizes() -> [ReportContent.DataSize] {
      settings.texts.map { text in
        let sizes = plan["text-\(text.code)"]?.manifest?.facts["sizes"]
        let cleaning = sizes?["cleaning"]
        func count(_ part: String, _ key: String) -> Int { sizes?[part]?[key]?.int ?? 0 }
        let dropped: [(String, String)] = [
          ("exact duplicates (documents)", "duplicateDocuments"),
          ("exact duplicates (segments)", "duplicateSegments"),
          ("empty segments", "emptySegments"),
        ]
        return ReportContent.DataSize(
          language: text.code, use: text.isHeldOutOnly ? "measured only" : use(of: text.code),
          readDocumentCount: cleaning?["read"]?["documents"]?.int ?? 0,
          trainDocumentCount: count("train", "documents"),
          heldOutDocumentCount: count("heldout", "documents") + count("selection", "documents"),
          trainByteCount: count("train", "bytes"),
          heldOutByteCount: count("heldout", "bytes") + count("selection", "bytes"),
          trainTokenCount: plan["tokens-\(text.code)"]?.manifest?.facts["tokens"]?.int,
          dropped: dropped.compactMap { title, key in
            guard let count = cleaning?[key]?.int, count > 0 else { return nil }
            return ReportContent.DataSize.Dropped(reason: title, documentCount: count)
          })
      }
    }

    /// What the parallel texts of the trainings came to, and what was left out of them.
    private func parallelSizes() -> [ReportContent.DataSize] {
      study.settings.usedParallel.map { text in
        let sizes = plan["text-\(text.name)"]?.manifest?.facts["sizes"]
        func count(_ part: String, _ key: String) -> Int { sizes?[part]?[key]?.int ?? 0 }
        var unit = "pairs"
        if case .codeSwitched = text.form { unit = "documents" }
        let dropped = [
          ("\(unit) that share text with held-out text or task rows", "contaminated"),
          ("pairs without one side", "one_sided"), ("exact duplicates (documents)", "duplicates"),
        ]
        return ReportContent.DataSize(
          language: text.name, use: use(of: text.name),
          readDocumentCount: count("read", "documents"),
          trainDocumentCount: count("train", "documents"), heldOutDocumentCount: 0,
          trainByteCount: count("train", "bytes"), heldOutByteCount: 0,
          trainTokenCount: plan["tokens-\(text.name)"]?.manifest?.facts["tokens"]?.int,
          dropped: dropped.compactMap { title, key in
            guard let count = sizes?[key]?.int, count > 0 else { return nil }
            return ReportContent.DataSize.Dropped(reason: title, documentCount: count)
          })
      }
    }

    private func use(of name: String) -> String {
      [("base", settings.base?.mix), ("CT", settings.ct.mix), ("joint", settings.joint.mix)]
        .filter { $0.1?.contains { $0.language == name } == true }.map(\.0)
        .joined(separator: ", ")
    }
  }
#endif
