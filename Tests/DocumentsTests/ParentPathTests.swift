// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@Suite struct ParentPathTests {
  @Test(arguments: [
    ("o", ""), ("", ""), ("/", "/"), ("/o", "/"), ("//o", "/"), ("a/o", "a"), ("a/o/", "a"),
    ("a//o", "a"), (".", ""),
    ("./o", "."), ("../o", ".."), ("/a/b/c", "/a/b"), ("//", "/"), ("ö/é", "ö"),
  ])
  func `the folder of a path is named, also of a name of one letter`(path: String, parent: String) {
    #expect(path.parentPath == parent)
  }
}
