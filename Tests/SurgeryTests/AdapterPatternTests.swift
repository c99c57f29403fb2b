// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Surgery

@Suite struct AdapterPatternTests {
  @Test(arguments: [
    ("q_proj", "model.layers.0.self_attn.q_proj", true), ("q_proj", "model.eq_proj", false),
    ("q_proj", "q_proj", true), ("self_attn.q_proj", "l.self_attn.q_proj", true),
    (#"layers\.[0-3]\..*"#, "model.layers.2.mlp.up_proj", true),
    (#"layers\.[0-3]\..*"#, "model.layers.12.mlp.up_proj", false),
    ("model.layers.1.self_attn.q_proj", "model.layers.11.self_attn.q_proj", false),
    ("^model.*", "model.x", true), ("^layers.*", "model.layers.x", false),
    ("(q|k)_proj", "a.k_proj", true), ("(?:q|k)_proj$", "a.v_proj", false),
    ("x{2,3}", "a.xxx", true), ("x{2,3}", "a.xxxx", false), ("x{2}", "xx", true),
    (#"\d+"#, "a.12", true), (#"\D+"#, "a.12", false), (#"[^a-c\d]x"#, "dx", true),
    ("a?b*c+", "cc", true), ("", "a.", true), ("a||b", "b", true), ("[]x]", "]", true),
    ("x{,2}", "xx", true), ("x{a}", "x{a}", true), ("a.*?b", "axxb", true),
  ])
  func `module patterns match as PEFT's regular expressions do`(
    pattern: String, name: String, expected: Bool
  ) throws {
    #expect(try ModulePattern(pattern).matches(module: name) == expected)
  }

  @Test(arguments: [
    "(", ")", "[", "*a", "a**", "(?=x)", "(?P<n>x)", #"a\b"#, #"\1"#, "a{5,2}", "[z-a]", "\\",
  ])
  func `patterns that cannot be read are faults`(pattern: String) {
    #expect(throws: ModulePattern.Fault.self) { try ModulePattern(pattern) }
  }

  @Test func `searching finds a match anywhere`() throws {
    #expect(try ModulePattern("attn").occurs(in: "layers.0.self_attn.q"))
    #expect(try !ModulePattern("^attn").occurs(in: "layers.0.self_attn.q"))
    #expect(try ModulePattern(#"\.q$"#).occurs(in: "layers.0.self_attn.q"))
  }

  @Test func `a pattern that would hang a backtracking matcher is answered at once`() throws {
    let name = String(repeating: "a", count: 300) + "!"
    #expect(try !ModulePattern("(a+)+").matches(module: name))
    #expect(throws: ModulePattern.Fault.self) { try ModulePattern("((a{1000}){1000}){1000}") }
  }
}
