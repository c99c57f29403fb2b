// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Corpora

/// What other trainers got wrong about masks and padding, each as a test. The padding token is the
/// end of text here, as in most models without a padding token of their own.
@Suite struct KnownMaskFailureTests {
  private let plain: ChatTokenizer
  init() throws { plain = try ChatTokenizer() }

  private func encode(
    _ row: ExampleRow, template: String? = "chatml",
    _ change: (inout ExampleSettings) -> Void = { _ in }
  ) throws -> ExampleEncoder.Outcome {
    var settings = ExampleSettings(files: ["f.jsonl"])
    change(&settings)
    return try ExampleEncoder(
      settings, tokenizer: plain.tokenizer, template: template.map(ChatTokenizer.known),
      windowLength: 100, endOfText: plain.endOfText
    ).encode(row)
  }

  private func examples(_ outcome: ExampleEncoder.Outcome) -> [EncodedExample] {
    guard case .examples(let examples, _) = outcome else { return [] }
    return examples
  }

  private func windows(
    _ examples: [EncodedExample], _ packing: ExampleSettings.Packing, count: Int = 8
  ) throws -> [Window] {
    var sampler = try ExampleSampler(
      ExampleSet(name: "set", examples: examples, packing: packing), windowLength: 40,
      endOfText: plain.endOfText, seed: 0)
    return (0..<count).map { _ in sampler.next() }
  }

  @Test(arguments: ExampleSettings.Packing.allCases)
  func `the model learns to stop although padding is end-of-text (axolotl 1806, 2287, 1847, 204)`(
    packing: ExampleSettings.Packing
  ) throws {
    let rows = [ExampleRow.pair("a", "b"), .pair("cd", "efg"), .text("hi")]
    let all = try rows.flatMap { examples(try encode($0, template: nil)) }
    for window in try windows(all, packing) {
      let places = window.tokens.indices.dropFirst()
      for place in places where window.tokens[place] == plain.endOfText {
        let endsText =
          window.segments[place] >= 0 && window.segments[place - 1] == window.segments[place]
        #expect(window.weights[place - 1] == (endsText ? 1 : 0))
      }
      #expect(window.segments.contains(-1))
    }
  }

  @Test func `running text trains its end-of-text tokens`() throws {
    let folder = try TestFolder()
    let shard = try shard(["abc", "de"], "text", in: folder)
    var sampler = try TextSampler(
      [(name: "a", shard: shard)], mixture: Mixture([("a", 1)]), windowLength: 14, seed: 0,
      laneCount: 1)
    let window = sampler.next()
    #expect(window.tokens.dropFirst().count { $0 == 256 } == 4)
    #expect(window.weights.allSatisfy { $0 == 1 })
  }

  @Test func `padding is never trained (axolotl 2227, mlx-lm 1697)`() throws {
    let all = examples(try encode(.pair("a", "b"), template: nil) { $0.promptWeight = 1 })
    for window in try windows(all, .none) {
      let padding = window.segments.firstIndex(of: -1) ?? 0
      #expect(padding == 3)
      #expect(window.weights[(padding - 1)...].allSatisfy { $0 == 0 })
      #expect(window.weights[..<(padding - 1)].allSatisfy { $0 == 1 })
    }
  }

  @Test
  func
    `a mask without a trained token is an error or counted, never silent (trl 3751, 4201, 3279)`()
    throws
  {
    let mute: [ExampleRow] = [
      .chat([("user", "Hi")]), .chat([("system", "Be brief."), ("user", "Hi")]), .pair("a", ""),
      .text(""),
    ]
    for row in mute {
      let message = lines { _ = try encode(row) }
      #expect(message.hasPrefix("The example cannot be trained: nothing in it would be trained."))
      #expect(try encode(row) { $0.untrained = .drop } == .untrained)
    }
    // A template with generation blocks in a branch that is not taken.
    let template = try ChatTokenizer.template(
      """
      {% for m in messages %}{% if m.role == 'model' %}{% generation %}{{ m.content }}\
      {% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}
      """)
    let encoder = ExampleEncoder(
      ExampleSettings(files: []), tokenizer: plain.tokenizer, template: template,
      windowLength: 100, endOfText: plain.endOfText)
    #expect(throws: CorpusError.self) {
      try encoder.encode(.chat([("user", "Hi"), ("assistant", "Hello")]))
    }
  }

  @Test func `every turn of the assistant is trained, not only the last (mlx-lm mask-prompt)`()
    throws
  {
    let turns = (0..<6).map { ($0 % 2 == 0 ? "user" : "assistant", "t\($0)") }
    let text = plain.shown(examples(try encode(.chat(turns)))[0])
    for k in [1, 3, 5] { #expect(text.contains("[t\(k)<|im_end|>]")) }
    for k in [0, 2, 4] { #expect(text.contains("\nt\(k)<|im_end|>\n")) }
  }

  @Test func `truncation keeps the answer and its end`() throws {
    let long = String(repeating: "x", count: 300)
    let found = examples(try encode(.chat([("user", long), ("assistant", "Yes")])))
    #expect(found[0].tokens.count == 101)
    #expect(plain.shown(found[0]).hasSuffix("xx<|im_end|>\n<|im_start|>assistant\n[Yes<|im_end|>]"))
  }
}
