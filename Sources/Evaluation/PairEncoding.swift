// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The ids of one (context, continuation) request of a causal model.
///
/// **Source:** lm-evaluation-harness 0.4.13, `TemplateLM._encode_pair` and `loglikelihood`
/// (`api/model.py`), `HFLM._loglikelihood_tokens` (`models/huggingface.py`).
/// **Departs:** a context of whitespace only counts as empty, and a continuation without tokens is
/// an error that says so; lm-eval stops at an assertion in both cases.
public struct PairEncoding: Equatable, Sendable {
  /// Ids conditioned on; never empty.
  public var context: [Int32]
  /// Ids scored; never empty.
  public var continuation: [Int32]

  /// Ids that are already split.
  public init(context: [Int32], continuation: [Int32]) {
    self.context = context
    self.continuation = continuation
  }

  /// Encodes a request.
  ///
  /// Whitespace at the end of the context moves to the front of the continuation (a word's space
  /// belongs to its token). Then `whole = encode(context + continuation)`, `n = |encode(context)|`,
  /// and the continuation is `whole[n...]`, also where a merge crosses the boundary; the context
  /// stays `encode(context)`. With an empty context the continuation is encoded without special
  /// tokens behind `prefixToken`; if it begins with that very token, that one becomes the context.
  ///
  /// - Parameters:
  ///   - encode: text to ids; the flag asks for the tokenizer's default special tokens.
  ///   - prefixToken: BOS, else EOS.
  /// - Throws: `EvaluationError.emptyContinuation` when nothing is left to score, and what `encode`
  ///   throws.
  public static func encode(
    context: String, continuation: String,
    encode: (_ text: String, _ addsSpecialTokens: Bool) throws -> [Int32],
    prefixToken: Int32
  ) throws -> PairEncoding {
    var head = context[...].unicodeScalars
    while let last = head.last, last.isPythonWhitespace { head.removeLast() }
    let trimmed = String(head)
    let whole = context + continuation
    let pair: PairEncoding
    if trimmed.isEmpty {
      var ids = try encode(whole, false)
      var prefix = prefixToken
      if ids.first == prefixToken { prefix = ids.removeFirst() }
      pair = PairEncoding(context: [prefix], continuation: ids)
    } else {
      let contextIDs = try encode(trimmed, true)
      let wholeIDs = try encode(whole, true)
      pair = PairEncoding(
        context: contextIDs.isEmpty ? [prefixToken] : contextIDs,
        continuation: Array(wholeIDs.dropFirst(contextIDs.count)))
    }
    guard !pair.continuation.isEmpty else {
      throw EvaluationError.emptyContinuation(context: context, continuation: continuation)
    }
    return pair
  }

  /// What the model is fed: the last `maximumLength + 1` ids of context and continuation without
  /// the final one. The logits of its last `continuation.count` positions score the continuation.
  ///
  /// - Throws: `EvaluationError.continuationTooLong` when the continuation alone exceeds
  ///   `maximumLength`.
  public func input(maximumLength: Int) throws -> [Int32] {
    guard continuation.count <= maximumLength else {
      throw EvaluationError.continuationTooLong(
        tokenCount: continuation.count, maximum: maximumLength)
    }
    return Array((context + continuation).suffix(maximumLength + 1).dropLast())
  }
}

extension Unicode.Scalar {
  /// Python's `str.isspace` and the `\s` of its `re`: bidirectional class WS, B or S, or category
  /// Zs.
  var isPythonWhitespace: Bool {
    switch value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F,
      0x205F, 0x3000:
      true
    default: false
    }
  }
}
