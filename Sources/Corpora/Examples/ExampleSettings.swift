// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A set of supervised examples and what of it is trained: an entry of the section `examples`.
public struct ExampleSettings: Equatable, Sendable {
  /// Which of an assistant's turns are trained.
  public enum Assistant: String, CaseIterable, Sendable {
    /// All, in one example.
    case all
    /// Each, in an example of its own that ends with it: the conversation as the model sees it when
    /// it answers, also under templates that write earlier turns otherwise.
    case each
    case last
  }

  /// What happens to an example that no window can hold.
  public enum OverLong: String, CaseIterable, Sendable {
    /// The start goes, but for the beginning-of-text token, as long as the last answer and a token
    /// before it stay; where they do not fit, the example is dropped. A `text` is cut in pieces.
    case truncate
    case drop
    case error
  }

  /// What happens to an example in which nothing is trained.
  public enum Untrained: String, CaseIterable, Sendable {
    case error
    case drop
  }

  /// How examples fill windows.
  public enum Packing: String, CaseIterable, Sendable {
    /// Best fit, decreasing, over a buffer of examples.
    case bestFit = "best_fit"
    /// The first of the next few that fits.
    case firstFit = "first_fit"
    /// One example a window, the rest padding.
    case none
  }

  public var files: [String]
  /// What rows hold; `nil`: by the first row.
  public var kind: ExampleKind?
  /// The weight of tokens that are read only, 0 to 1; answers have weight 1.
  public var promptWeight = 0.0
  public var assistant = Assistant.all
  /// The chat template: `auto` is the model's own for `messages` and none for
  /// `prompt_completion`; `none`; `default`, the model's own for both; or the name of one of the
  /// model's or of the known ones.
  public var chatTemplate = "auto"
  public var overLong = OverLong.truncate
  public var untrained = Untrained.error
  public var packing = Packing.bestFit
  /// Examples that best-fit packing sees at once.
  public var packingBuffer = 1024
  /// At most this many examples, the first ones; 0: all.
  public var maxExamples = 0

  /// Settings of a set with the defaults.
  public init(files: [String]) { self.files = files }

  /// Reads an entry. Does not call `finish`.
  public init(_ settings: inout Settings) throws(DocumentError) {
    files = try settings.strings("files")
    guard !files.isEmpty else {
      throw settings.wrong("files", expected: "one or more files", found: "none")
    }
    let name = try settings.choice(
      "kind", default: "auto", of: ["auto"] + ExampleKind.allCases.map(\.rawValue))
    kind = ExampleKind(rawValue: name)
    promptWeight = try settings.double("prompt_weight", default: 0, in: 0...1)
    assistant = try Self.choice("assistant", assistant, &settings)
    chatTemplate = try settings.string("chat_template", default: chatTemplate)
    overLong = try Self.choice("over_long", overLong, &settings)
    untrained = try Self.choice("untrained", untrained, &settings)
    packing = try Self.choice("packing", packing, &settings)
    packingBuffer = try settings.int("packing_buffer", default: packingBuffer, in: 1...1_000_000)
    maxExamples = try settings.int("max_examples", default: 0, in: 0...Int.max)
  }

  private static func choice<Value: RawRepresentable & CaseIterable>(
    _ key: String, _ value: Value, _ settings: inout Settings
  ) throws(DocumentError) -> Value where Value.RawValue == String {
    let name = try settings.choice(
      key, default: value.rawValue, of: Value.allCases.map(\.rawValue))
    return Value(rawValue: name) ?? value
  }

  /// What decides the result besides the bytes of the files.
  public var identity: JSON {
    [
      "kind": JSON(kind?.rawValue ?? "auto"), "prompt_weight": JSON(promptWeight),
      "assistant": JSON(assistant.rawValue), "chat_template": JSON(chatTemplate),
      "over_long": JSON(overLong.rawValue), "untrained": JSON(untrained.rawValue),
      "packing": JSON(packing.rawValue), "packing_buffer": JSON(packingBuffer),
      "max_examples": JSON(maxExamples),
    ]
  }
}
