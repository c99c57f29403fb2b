// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Runs

  extension StudyReport {
    /// What the numbers say, in sentences; also when it is not what one hoped for.
    func notes(_ rows: [ModelScores]) throws -> [String] {
      var notes: [String] = []
      let merges = rows.filter { $0.kind == .merge }
      func names(_ rows: [ModelScores]) -> String {
        rows.map(\.name).joined(separator: ", ")
      }
      let better = merges.filter { ($0.againstReference?.difference.interval?.low ?? 0) > 0 }
      let worse = merges.filter { ($0.againstReference?.difference.interval?.high ?? 0) < 0 }
      if !merges.isEmpty {
        if !better.isEmpty {
          notes.append(
            "Better than \(Self.reference) in the target, with an interval that excludes 0: "
              + "\(names(better)).")
        }
        if !worse.isEmpty {
          notes.append(
            "Worse than \(Self.reference) in the target, with an interval that excludes 0: "
              + "\(names(worse)).")
        }
        if better.isEmpty, worse.isEmpty {
          notes.append(
            "No merge differs from \(Self.reference) by more than chance "
              + "(\(merges[0].target?.accuracy?.count ?? 0) test rows"
              + (isRepeated ? ", \(settings.repetitions.count) seeds)." : ")."))
        }
      }
      if let floor = rows.first(where: { $0.name == "Naive Bayes" })?.target?.accuracy {
        let above = rows.filter {
          $0.kind != .floor && ($0.target?.accuracy?.value ?? 0) > floor.value
        }
        notes.append(
          above.isEmpty
            ? "No model reaches Naive Bayes over characters in the target; the models are too "
              + "small or trained too little to be used for this task."
            : "Above Naive Bayes over characters in the target: \(names(above)).")
      }
      if let sft = rows.first(where: { $0.name == "SFT only" })?.target?.accuracy,
        let majority = rows.first(where: { $0.name == "majority class" })?.target?.accuracy,
        let low = sft.interval?.low, low <= majority.value
      {
        notes.append(
          "SFT only is not clearly above the majority class in the target: little of the task "
            + "crosses languages by itself.")
      }
      if let note = Self.forgetting(rows) { notes.append(note) }
      let diagnoses = try settings.repetitions.compactMap { plan[$0.name("diagnose")] }.map {
        try MergeDiagnosis(folder: $0.folder)
      }
      if let mean = MergeDiagnosis(meanOf: diagnoses) { notes.append(mean.note) }
      return notes
    }

    /// How much of what CT gained in the target's text is left after fine-tuning: what a merge could
    /// save, and whether one did. `nil` without the models or their bits per byte.
    static func forgetting(_ rows: [ModelScores]) -> String? {
      func bits(_ name: String) -> Double? {
        rows.first { $0.name == name }?.target?.bitsPerByte?.value
      }
      guard let base = bits("base"), let ct = bits("CT only"), let after = bits(reference) else {
        return nil
      }
      let gain = base - ct
      guard gain > 0 else { return "CT gained nothing in the target's text." }
      func kept(_ bits: Double) -> String {
        let share = Int(((base - bits) / gain * 100).rounded())
        return share > 0 ? "\(share) %" : "nothing"
      }
      var note =
        "\(reference) keeps \(kept(after)) of what CT gained in the target's text "
        + "(\(NumberText.fixed(gain, 3)) bits per byte)"
      if base - after >= 0.75 * gain {
        note += ": fine-tuning forgets little there, so a merge has little to save."
      } else {
        let merges = rows.filter { $0.kind == .merge }
          .compactMap { row in row.target?.bitsPerByte.map { (row.name, $0.value) } }
        if let best = merges.min(by: { $0.1 < $1.1 }) {
          note +=
            best.1 < after
            ? "; \(best.0) keeps \(kept(best.1))." : "; no merge keeps more."
        } else {
          note += "."
        }
      }
      return note
    }
  }
#endif
