// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import CPCRE2

/// A compiled expression of PCRE2, with Unicode properties.
///
/// No expression can hang: a match may take ten million steps, as in Oniguruma; where one takes
/// more, the rest of the text holds no further match. The steps are counted, not timed, so the same
/// text always gives the same words.
final class RegularExpression: Sendable {
  // Safety: PCRE2 never writes to a compiled expression while it matches, so threads may share it;
  // it is freed once, when the last of them has let go.
  nonisolated(unsafe) private let code: OpaquePointer
  nonisolated(unsafe) private let limits: OpaquePointer

  private static let stepLimit: UInt32 = 10_000_000
  /// In KiB; the default of PCRE2 is 20 GB.
  private static let heapLimit: UInt32 = 64 << 10

  /// - Parameters:
  ///   - pattern: in PCRE2's syntax.
  ///   - written: as the file has it, for messages.
  init(
    _ pattern: String, written: String, path: String, origin: String
  ) throws(TokenizationError) {
    let options =
      UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP) | UInt32(PCRE2_MULTILINE)
      | UInt32(PCRE2_NEVER_BACKSLASH_C)
    var status: Int32 = 0
    var place = 0
    let bytes = Array(pattern.utf8)
    guard
      let code = pcre2_compile_8(bytes, bytes.count, options, &status, &place, nil)
    else {
      throw .badPattern(
        path: path, pattern: written, reason: Self.message(status), origin: origin)
    }
    guard let limits = pcre2_match_context_create_8(nil) else {
      pcre2_code_free_8(code)
      throw .badPattern(path: path, pattern: written, reason: "no memory", origin: origin)
    }
    pcre2_set_match_limit_8(limits, Self.stepLimit)
    pcre2_set_depth_limit_8(limits, Self.stepLimit)
    pcre2_set_heap_limit_8(limits, Self.heapLimit)
    // Where there is no compiler for this machine, matching is interpreted.
    _ = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
    self.code = code
    self.limits = limits
  }

  /// Whether PCRE2 knows a script of that name.
  static func isScript(_ name: String) -> Bool {
    guard
      name.utf8.allSatisfy({
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
          || [UInt8(ascii: "_"), UInt8(ascii: " "), UInt8(ascii: "-")].contains($0)
      })
    else { return false }
    let bytes = Array(#"\p{sc:\#(name)}"#.utf8)
    var status: Int32 = 0
    var place = 0
    let code = pcre2_compile_8(
      bytes, bytes.count, UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP), &status, &place, nil)
    pcre2_code_free_8(code)
    return code != nil
  }

  deinit {
    pcre2_match_context_free_8(limits)
    pcre2_code_free_8(code)
  }

  /// All matches from left to right; an empty one directly after another match does not count.
  func matches(in text: ArraySlice<UInt8>) -> [Range<Int>] {
    var result: [Range<Int>] = []
    guard let data = pcre2_match_data_create_8(1, nil) else { return result }
    defer { pcre2_match_data_free_8(data) }
    text.withUnsafeBufferPointer { buffer in
      // Safety: the subject lives as long as the closure, and is valid UTF-8 by this method's
      // contract; places come back as offsets below its count.
      guard let subject = buffer.baseAddress, let places = pcre2_get_ovector_pointer_8(data) else {
        return
      }
      var start = 0
      var lastEnd = -1
      while start <= buffer.count {
        let options = UInt32(PCRE2_NO_UTF_CHECK)
        var status = pcre2_match_8(code, subject, buffer.count, start, options, data, limits)
        // The compiled form has 32 KiB for its way back, the interpreter all that `heapLimit` gives.
        if status == PCRE2_ERROR_JIT_STACKLIMIT {
          status = pcre2_match_8(
            code, subject, buffer.count, start, options | UInt32(PCRE2_NO_JIT), data, limits)
        }
        guard status >= 0 else { return }
        // A look-behind with \K may put the beginning after the end.
        let lower = min(Int(places[0]), Int(places[1]))
        let upper = Int(places[1])
        guard lower >= max(lastEnd, 0) else { return }
        if lower == upper {
          if lower != lastEnd {
            result.append(text.startIndex + lower..<text.startIndex + upper)
            lastEnd = upper
          }
          start = upper + 1
          while start < buffer.count, buffer[start] & 0xC0 == 0x80 { start += 1 }
        } else {
          result.append(text.startIndex + lower..<text.startIndex + upper)
          start = upper
          lastEnd = upper
        }
      }
    }
    return result
  }

  private static func message(_ status: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = pcre2_get_error_message_8(status, &buffer, buffer.count)
    return count > 0
      ? String(decoding: buffer.prefix(Int(count)), as: UTF8.self) : "error \(status)"
  }
}
