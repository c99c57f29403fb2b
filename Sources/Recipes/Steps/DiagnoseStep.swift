// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Surgery

  /// Counts what a TIES election does to the changes of CT and SFT, for the report: it tells
  /// whether CT drowns out what SFT learnt. `diagnostics.json` holds `MergeDiagnosis`.
  struct DiagnoseStep: RecipeStep {
    static let kind = StepKind("diagnose", version: 1)

    let repetition: Repetition
    let base: StepInput

    var name: String { repetition.name("diagnose") }
    var inputs: [StepInput] {
      [
        base, .output("ct", of: repetition.name("ct"), named: "model"),
        .output("sft", of: repetition.name("sft"), named: "model"),
      ]
    }

    func run(_ context: StepContext) throws {
      let found = try MergeDiagnostics.compute(
        base: Checkpoint.open(directory: try context.input(base.label)),
        ct: Checkpoint.open(directory: try context.input("ct")),
        sft: Checkpoint.open(directory: try context.input("sft")))
      try Disk.write(
        MergeDiagnosis(found.total).json.serialized(pretty: true) + "\n",
        to: context.folder + "/" + MergeDiagnosis.fileName, isShared: false)
    }
  }

  /// What TIES without trimming and without weights does to the two changes of the base, over all
  /// tensors together.
  struct MergeDiagnosis: Equatable, Sendable {
    static let fileName = "diagnostics.json"

    /// Euclidean norms of the changes.
    var ctNorm: Double
    var sftNorm: Double
    /// Of the entries that both changed, the share whose signs differ.
    var conflictShare: Double
    /// Of the entries that SFT changed, the share that does not reach the merge.
    var discardedShare: Double
    /// The same among each tensor's largest tenth of SFT's changes.
    var importantDiscardedShare: Double

    init(_ counts: MergeDiagnostics.Counts) {
      ctNorm = counts.squaresOfContinued.squareRoot()
      sftNorm = counts.squaresOfTask.squareRoot()
      conflictShare = counts.conflictRate
      discardedShare = counts.discardedShare
      importantDiscardedShare = counts.importantDiscardedShare
    }

    /// The means of what several repetitions of a study found; `nil` of none.
    init?(meanOf all: [MergeDiagnosis]) {
      guard !all.isEmpty else { return nil }
      func mean(_ value: KeyPath<MergeDiagnosis, Double>) -> Double {
        all.reduce(0) { $0 + $1[keyPath: value] } / Double(all.count)
      }
      ctNorm = mean(\.ctNorm)
      sftNorm = mean(\.sftNorm)
      conflictShare = mean(\.conflictShare)
      discardedShare = mean(\.discardedShare)
      importantDiscardedShare = mean(\.importantDiscardedShare)
    }

    var json: JSON {
      [
        "schema": 1, "ct_norm": JSON(ctNorm), "sft_norm": JSON(sftNorm),
        "conflict_share": JSON(conflictShare), "discarded_share": JSON(discardedShare),
        "important_discarded_share": JSON(importantDiscardedShare),
      ]
    }

    /// Reads what `DiagnoseStep` wrote into `folder`.
    init(folder: String) throws {
      let path = folder + "/" + Self.fileName
      let json = try JSON.parse(try Disk.read(path), origin: path)
      func number(_ key: String) throws -> Double {
        guard let value = json[key]?.double else {
          throw DocumentError.missingKey(key, path: "", line: nil, origin: path)
        }
        return value
      }
      ctNorm = try number("ct_norm")
      sftNorm = try number("sft_norm")
      conflictShare = try number("conflict_share")
      discardedShare = try number("discarded_share")
      importantDiscardedShare = try number("important_discarded_share")
    }

    /// A paragraph for the report.
    var note: String {
      guard ctNorm > 0, sftNorm > 0 else {
        return "\(ctNorm > 0 ? "SFT" : "CT") changed no weight of the base."
      }
      func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
      let ratio = (ctNorm / sftNorm * 100).rounded() / 100
      return "The change by CT is \(JSON(ratio).serialized()) times as large as that by SFT "
        + "(Euclidean norms). Their signs conflict in \(percent(conflictShare)) of the places that "
        + "both changed. TIES without trimming discards \(percent(discardedShare)) of the places "
        + "that SFT changed, and \(percent(importantDiscardedShare)) of its largest tenth."
    }
  }
#endif
