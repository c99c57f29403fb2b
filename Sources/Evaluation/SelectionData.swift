// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Which languages a study learns the task in, and which it learns it for.
public struct StudyLanguages: Equatable, Sendable {
  /// Languages whose task labels may be used to train and to choose.
  public let sources: [String]
  /// The language no task label of which may be seen before the test.
  public let target: String

  /// Codes as the data names them; `fao` and `fao_Latn` count as one language.
  ///
  /// - Throws: `EvaluationError.studyLanguages` when the target is among the sources.
  public init(sources: [String], target: String) throws {
    for source in sources where Self.bare(source) == Self.bare(target) {
      throw EvaluationError.studyLanguages(source)
    }
    self.sources = sources
    self.target = target
  }

  func isSource(_ code: String) -> Bool {
    sources.contains { Self.bare($0) == Self.bare(code) }
  }

  func isTarget(_ code: String) -> Bool { Self.bare(code) == Self.bare(target) }

  /// The code without a script: `fao_Latn` → `fao`; `lab_b` stays.
  static func bare(_ code: String) -> Substring {
    guard let cut = code.lastIndex(where: { $0 == "_" || $0 == "-" }) else { return code[...] }
    let script = code[code.index(after: cut)...]
    let isScript =
      script.count == 4 && script.first?.isUppercase == true
      && script.dropFirst().allSatisfy(\.isLowercase)
    return isScript ? code[..<cut] : code[...]
  }
}

/// What a score is for.
public enum EvaluationPurpose: String, Sendable {
  /// To choose among models.
  case selection
  /// To report.
  case test
}

/// Sets to evaluate together: `SelectionData` or `TestData`, and nothing else.
public protocol EvaluationSuite: Sendable {
  /// What its scores may be used for.
  var purpose: EvaluationPurpose { get }
  /// In the order of the report.
  var sets: [EvaluationSet] { get }
}

/// Sets by which merge weights, steps and other settings may be chosen.
///
/// The type is the guard against selection leakage: a search takes `SelectionData`, and this
/// refuses every test split and every labelled row outside the source languages. Unlabelled
/// held-out text is admitted in any language, the target included.
public struct SelectionData: EvaluationSuite {
  public var purpose: EvaluationPurpose { .selection }
  public let sets: [EvaluationSet]
  /// The languages the sets were checked against.
  public let languages: StudyLanguages

  /// - Throws: `EvaluationError.leak` naming task, language and split.
  public init(_ sets: [EvaluationSet], languages: StudyLanguages) throws {
    for set in sets {
      let problem: String? =
        if set.split == .test {
          "it is test data"
        } else if set.task.task.outputType == .multipleChoice
          && languages.isTarget(set.task.language)
        {
          "these are labels of the target language"
        } else if set.task.task.outputType == .multipleChoice
          && !languages.isSource(set.task.language)
        {
          "these are labels of a language that is no source of the study"
        } else {
          nil
        }
      if let problem {
        throw EvaluationError.leak(
          task: set.task.task.name, language: set.task.language, split: set.split.rawValue,
          problem: problem)
      }
    }
    self.sets = sets
    self.languages = languages
  }

  /// Checks that no text serves both sides: the same language and the same bytes.
  ///
  /// This finds a split that was labelled wrongly, which the type cannot see.
  /// - Throws: `EvaluationError.sharedDocument`.
  public func requireDisjoint(from test: TestData) throws {
    var texts: [String: [String: String]] = [:]  // language → text → origin
    for set in test.sets {
      for document in set.documents {
        guard let text = document.columns["text"], !text.isEmpty else { continue }
        texts[String(StudyLanguages.bare(set.task.language)), default: [:]][text] = set.origin
      }
    }
    for set in sets {
      let known = texts[String(StudyLanguages.bare(set.task.language))] ?? [:]
      for document in set.documents {
        if let text = document.columns["text"], let origin = known[text] {
          throw EvaluationError.sharedDocument(
            id: document.id, selection: set.origin, test: origin)
        }
      }
    }
  }
}

/// Sets whose scores are reported and may not choose anything.
public struct TestData: EvaluationSuite {
  public var purpose: EvaluationPurpose { .test }
  public let sets: [EvaluationSet]

  /// Any sets of any split and language.
  public init(_ sets: [EvaluationSet]) { self.sets = sets }
}
