// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// One piece of a text's log-likelihood: `continuation` scored after `context`.
public typealias RollingWindow = PairEncoding

/// How a text longer than the model is cut so that every token is predicted exactly once.
///
/// **Source:** lm-evaluation-harness 0.4.13, `get_rolling_token_windows` and `make_disjoint_window`
/// (`utils.py`). **Departs:** nothing.
public enum RollingWindows {
  /// The windows of `tokens`.
  ///
  /// The first feeds `[prefixToken] + tokens[..<m-1]` and predicts the first m = min(maxLength, n)
  /// tokens. Each further one predicts at most `maxLength − contextLength + 1` new tokens after as
  /// many of those before them as fit: an input is always `context + continuation` without its last
  /// id, and at most `maxLength` long. With `contextLength` 1 (what lm-eval scores with) a full
  /// window knows one earlier token.
  ///
  /// - Parameters:
  ///   - tokens: ids to predict, with the tokenizer's default special tokens; none gives no window.
  ///   - prefixToken: the id before the first: BOS, else EOS.
  ///   - maxLength: the model's context length, at least 1.
  ///   - contextLength: from 1 to `maxLength`.
  public static func windows(
    tokens: [Int32], prefixToken: Int32, maxLength: Int, contextLength: Int = 1
  ) -> [RollingWindow] {
    precondition(
      contextLength >= 1 && contextLength <= maxLength, "1 ≤ contextLength ≤ maxLength")
    guard !tokens.isEmpty else { return [] }
    let first = min(maxLength, tokens.count)
    var windows = [RollingWindow(context: [prefixToken], continuation: Array(tokens[..<first]))]
    let step = maxLength - contextLength + 1
    var predicted = first
    while predicted < tokens.count {
      let end = min(predicted + step, tokens.count)
      let start = max(0, end - maxLength - 1)
      windows.append(
        RollingWindow(
          context: Array(tokens[start..<predicted]), continuation: Array(tokens[predicted..<end])))
      predicted = end
    }
    return windows
  }
}
