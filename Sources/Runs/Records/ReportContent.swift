// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Everything the report shows. Filled by the recipe; the page adds nothing but layout.
public struct ReportContent: Codable, Sendable, Equatable {
  /// The newest schema this program writes and reads.
  public static let schema = 1

  /// A language by code and name.
  public struct Language: Codable, Sendable, Equatable {
    /// BCP 47 code: "fo".
    public var code: String
    /// English name: "Faroese".
    public var name: String
    public init(code: String, name: String) {
      self.code = code
      self.name = name
    }
  }

  /// A named fact: a version, a hash.
  public struct Fact: Codable, Sendable, Equatable {
    /// What it is of.
    public var name: String
    /// The fact as text.
    public var value: String
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// One prompt and what each model makes of it.
  public struct Sample: Codable, Sendable, Equatable {
    /// A model's continuation.
    public struct Completion: Codable, Sendable, Equatable {
      /// Name of its row.
      public var model: String
      /// The seed it was trained with, where the row is a mean over several.
      public var seed: UInt64?
      /// The continuation, without the prompt; may be empty.
      public var text: String
      public init(model: String, seed: UInt64? = nil, text: String) {
        self.model = model
        self.seed = seed
        self.text = text
      }
    }
    /// Code of the prompt's language; empty when it is none.
    public var language: String
    /// The opening all models get.
    public var prompt: String
    /// One per model, in table order.
    public var completions: [Completion]
    public init(language: String, prompt: String, completions: [Completion]) {
      self.language = language
      self.prompt = prompt
      self.completions = completions
    }
  }

  /// Text of one language after cleaning, and what cleaning took away.
  public struct DataSize: Codable, Sendable, Equatable {
    /// Documents dropped for one reason.
    public struct Dropped: Codable, Sendable, Equatable {
      /// Read after the number: "exact duplicates".
      public var reason: String
      /// How many documents went.
      public var documentCount: Int
      public init(reason: String, documentCount: Int) {
        self.reason = reason
        self.documentCount = documentCount
      }
      enum CodingKeys: String, CodingKey {
        case reason
        case documentCount = "documents"
      }
    }
    /// Name of the language, as shown.
    public var language: String
    /// "base, CT replay", "CT", "task".
    public var use: String
    /// Documents in the files.
    public var readDocumentCount: Int
    /// Documents kept for training.
    public var trainDocumentCount: Int
    /// Documents held out.
    public var heldOutDocumentCount: Int
    /// UTF-8 bytes kept for training.
    public var trainByteCount: Int
    /// UTF-8 bytes held out.
    public var heldOutByteCount: Int
    /// Tokens of the training part with the run's tokenizer; `nil` when not counted.
    public var trainTokenCount: Int?
    /// What cleaning took away, by reason.
    public var dropped: [Dropped]
    public init(
      language: String, use: String, readDocumentCount: Int, trainDocumentCount: Int,
      heldOutDocumentCount: Int, trainByteCount: Int, heldOutByteCount: Int,
      trainTokenCount: Int? = nil, dropped: [Dropped] = []
    ) {
      self.language = language
      self.use = use
      self.readDocumentCount = readDocumentCount
      self.trainDocumentCount = trainDocumentCount
      self.heldOutDocumentCount = heldOutDocumentCount
      self.trainByteCount = trainByteCount
      self.heldOutByteCount = heldOutByteCount
      self.trainTokenCount = trainTokenCount
      self.dropped = dropped
    }
    enum CodingKeys: String, CodingKey {
      case language, use, dropped
      case readDocumentCount = "read_documents"
      case trainDocumentCount = "train_documents"
      case heldOutDocumentCount = "held_out_documents"
      case trainByteCount = "train_bytes"
      case heldOutByteCount = "held_out_bytes"
      case trainTokenCount = "train_tokens"
    }
  }

  /// Schema of this value.
  public var schema = ReportContent.schema
  /// Title of the page.
  public var title: String
  /// Task languages.
  public var sources: [Language]
  /// The language that is taught.
  public var target: Language
  /// Name of the task: "SIB-200, topic of a sentence, 7 classes".
  public var task: String
  /// The run: machine, versions, steps, recipe.
  public var run: RunRecord
  /// Rows of the result table.
  public var models: [ModelScores]
  /// Name of the row that merges are compared with.
  public var reference: String
  /// How settings were chosen.
  public var selection: Selection
  /// One per training step.
  public var curves: [LossCurve]
  /// Generated text, in the order shown.
  public var samples: [Sample]
  /// One row per language (and use).
  public var data: [DataSize]
  /// Versions and hashes of files that are not steps: wheel, compiler, corpora.
  public var facts: [Fact]
  /// Findings and caveats, one paragraph each.
  public var notes: [String]

  public init(
    title: String, sources: [Language], target: Language, task: String, run: RunRecord,
    models: [ModelScores], reference: String = "CT→SFT", selection: Selection = Selection(),
    curves: [LossCurve] = [], samples: [Sample] = [], data: [DataSize] = [], facts: [Fact] = [],
    notes: [String] = []
  ) {
    self.title = title
    self.sources = sources
    self.target = target
    self.task = task
    self.run = run
    self.models = models
    self.reference = reference
    self.selection = selection
    self.curves = curves
    self.samples = samples
    self.data = data
    self.facts = facts
    self.notes = notes
  }
}

/// How settings were chosen, and every candidate that was tried.
public struct Selection: Codable, Sendable, Equatable {
  /// The candidates of one merge method or baseline.
  public struct Grid: Codable, Sendable, Equatable {
    /// One candidate.
    public struct Point: Codable, Sendable, Equatable {
      /// The candidate.
      public var settings: [ModelScores.Setting]
      /// What selection compares; not finite values are shown as failed.
      public var objective: Double
      /// What the objective is made of, by name.
      public var measures: [ModelScores.Setting]
      public init(
        settings: [ModelScores.Setting], objective: Double, measures: [ModelScores.Setting] = []
      ) {
        self.settings = settings
        self.objective = objective
        self.measures = measures
      }
    }
    /// The model's name in the result table.
    public var model: String
    /// The seed of the models that were merged, where the row is a mean over several.
    public var seed: UInt64?
    /// Every candidate tried.
    public var points: [Point]
    /// Index of the chosen point; `nil` when none was usable.
    public var chosen: Int?
    public init(model: String, seed: UInt64? = nil, points: [Point], chosen: Int?) {
      self.model = model
      self.seed = seed
      self.points = points
      self.chosen = chosen
    }
  }

  /// One or two sentences: what was compared, on which data.
  public var description: String
  /// Name of the objective, with its unit.
  public var objective: String
  /// Whether a lower objective is better.
  public var lowerIsBetter: Bool
  /// One per method or baseline that had something to choose.
  public var grids: [Grid]

  public init(
    description: String = "", objective: String = "objective", lowerIsBetter: Bool = true,
    grids: [Grid] = []
  ) {
    self.description = description
    self.objective = objective
    self.lowerIsBetter = lowerIsBetter
    self.grids = grids
  }

  enum CodingKeys: String, CodingKey {
    case description, objective, grids
    case lowerIsBetter = "lower_is_better"
  }
}

/// Loss over one training step, in nats per token.
public struct LossCurve: Codable, Sendable, Equatable {
  /// A loss at an iteration.
  public struct Point: Codable, Sendable, Equatable {
    /// Optimizer steps done.
    public var iteration: Int
    /// Nats per token.
    public var loss: Double
    public init(iteration: Int, loss: Double) {
      self.iteration = iteration
      self.loss = loss
    }
  }
  /// Name of the step.
  public var step: String
  /// Training loss by ascending iteration.
  public var training: [Point]
  /// Held-out loss by ascending iteration.
  public var validation: [Point]

  public init(step: String, training: [Point], validation: [Point] = []) {
    self.step = step
    self.training = training
    self.validation = validation
  }

  /// The curve of `step` in a run's metrics: `train_loss` and `val_loss` by iteration.
  public init(step: String, metrics: [MetricPoint]) {
    let points = { (name: String) in
      metrics.filter { $0.step == step && $0.name == name }
        .sorted { $0.iteration < $1.iteration }
        .map { Point(iteration: $0.iteration, loss: $0.value) }
    }
    self.init(step: step, training: points("train_loss"), validation: points("val_loss"))
  }
}
