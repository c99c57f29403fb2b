// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Hub

@Suite struct NameTests {
  @Test(arguments: [
    ("meta-llama/Llama-3.1-8B", "main"), ("a/b", "main"), ("HuggingFaceTB/SmolLM3-3B@v1.0", "v1.0"),
    ("a_b/c.d@refs/pr/7", "refs/pr/7"),
  ])
  func `names with and without a revision are read`(text: String, revision: String) throws {
    let model = try HubModel(parsing: text)
    #expect(model.description == text)
    #expect(model.revision == revision)
  }

  @Test(arguments: [
    "", "gpt2", "a/", "/b", "a/b/c", "-a/b", "a/b.", "a--b/c", "a/b..c", "a b/c", "a/b.git",
    "ä/b", "a/b@", "a/b@../main", "a/b@/x", "a/b@x/", "a/b@-x", "a/b@x..y", "a/b@x y", "a/b@x?y",
    "a/b@.hidden", "a/b@x.lock", "a/b@a@b", "../b", "a/..", "~/b",
    "a/\(String(repeating: "b", count: 97))",
  ])
  func `what is no name or no revision is refused`(text: String) {
    #expect(throws: HubError.self) { try HubModel(parsing: text) }
  }

  @Test func `what looks like a path is never a model of the hub`() throws {
    for text in ["./a/b", "../a", "/a/b", "~/b", "a", "a/b/c", ".", "a/"] {
      #expect(try HubModels.model(text) == nil, "\(text)")
    }
    #expect(try HubModels.model("a/b@v2")?.revision == "v2")
    #expect(try HubModels.model("a/b", revision: "v2")?.revision == "v2")
    #expect(hubError { try HubModels.model("./a", revision: "v2") } != nil)
  }

  @Test func `a folder wins over a model of the hub`() throws {
    let bench = try Bench()
    let folder = bench.root + "/a"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    #expect(try HubModels.model(folder) == nil)
    #expect(
      hubError { try HubModels.model(folder, revision: "v1") }
        == .folderRevision(path: folder, revision: "v1"))
    let models = HubModels { throw HubError.name("the hub was asked") }
    #expect(try models.folder(folder) == folder)
    #expect(try models.folder("no/such/folder") == "no/such/folder")
    #expect(hubError { try models.folder("a/b") } == .name("the hub was asked"))
  }
}

@Suite struct URLTests {
  @Test func `URLs are taken apart and put together`() throws {
    let url = try #require(HubURL("HTTPS://Hub.Example:8443/a%20b/c?d=e&f#g"))
    #expect(url.text == "https://hub.example:8443/a%20b/c?d=e&f")
    #expect(url.place == "https://hub.example:8443/a%20b/c")
    #expect(HubURL("http://[::1]:80")?.text == "http://[::1]/")
    #expect(HubURL("https://h/ä b\"")?.path == "/%C3%A4%20b%22")
  }

  @Test(arguments: [
    "", "hub.example", "ftp://h/", "file:///etc/passwd", "http://", "http:///x", "http://u@h/",
    "http://u:p@h/", "http://h:0/", "http://h:65536/", "http://h:/", "http://h:x/", "http://h\\@e/",
    "http://h/\\x", "http://h/\r\nX: y", "http://[::1/", "http://[x]/", "http://h%2e/",
    "http://hä/",
    "http://h ost/",
  ])
  func `URLs that could be read in two ways are refused`(text: String) {
    #expect(HubURL(text) == nil)
  }

  @Test func `redirects are relative to where they come from`() throws {
    let url = try #require(HubURL("https://h:1/a/b?c"))
    #expect(url.resolving("/x?y")?.text == "https://h:1/x?y")
    #expect(url.resolving("x")?.text == "https://h:1/a/x")
    #expect(url.resolving("?x")?.text == "https://h:1/a/b?x")
    #expect(url.resolving("//o/x")?.text == "https://o/x")
    #expect(url.resolving("http://o")?.text == "http://o/")
    #expect(url.resolving("/x:y")?.text == "https://h:1/x:y")
    #expect(url.resolving("javascript:x") == nil)
    #expect(url.resolving("http://u@h:1/") == nil)
  }

  @Test func `secrets travel over https and to this machine alone`() throws {
    for text in ["https://h", "http://localhost:1", "http://127.0.0.1", "http://127.9.9.9/x"] {
      #expect(HubURL(text)?.isPrivate == true, "\(text)")
    }
    for text in ["http://h", "http://127.0.0.1.h", "http://localhost.h", "http://10.0.0.1"] {
      #expect(HubURL(text)?.isPrivate == false, "\(text)")
    }
    #expect(HubURL("http://[::1]")?.isPrivate == true)
  }
}

@Suite struct SettingsTests {
  @Test func `folders follow the variables in the hub's own order`() throws {
    func cache(_ variables: [String: String]) throws -> String {
      try HubSettings.environment(variables.merging(["HOME": "/h"]) { first, _ in first })
        .cacheFolder
    }
    #expect(try cache([:]) == "/h/.cache/huggingface/hub")
    #expect(try cache(["XDG_CACHE_HOME": "/x"]) == "/x/huggingface/hub")
    #expect(try cache(["HF_HOME": "~/f", "XDG_CACHE_HOME": "/x"]) == "/h/f/hub")
    #expect(try cache(["HF_HUB_CACHE": "$A/${B}/$C", "A": "/a", "B": "b"]) == "/a/b/$C")
    #expect(try cache(["HF_HUB_CACHE": "", "HF_HOME": ""]) == "/h/.cache/huggingface/hub")
  }

  @Test func `the token comes from the environment, else from its file`() throws {
    let bench = try Bench()
    let home = ["HF_HOME": bench.root]
    func secret(_ variables: [String: String]) throws -> String? {
      try HubSettings.environment(variables.merging(home) { first, _ in first }).token?.secret
    }
    #expect(try secret([:]) == nil)
    try "hf_file\n".write(toFile: bench.root + "/token", atomically: true, encoding: .utf8)
    #expect(try secret([:]) == "hf_file")
    #expect(try secret(["HF_TOKEN": " "]) == "hf_file")
    #expect(try secret(["HF_TOKEN": "hf_env"]) == "hf_env")
    try "hf_other".write(toFile: bench.root + "/other", atomically: true, encoding: .utf8)
    #expect(try secret(["HF_TOKEN_PATH": bench.root + "/other"]) == "hf_other")
    let error = hubError { try secret(["HF_TOKEN": "hf_a\r\nX-Evil: 1"]) }
    #expect(error?.description.contains("evil") == false)
    #expect(error?.description.contains("`HF_TOKEN`") == true)
  }

  @Test func `a token is never shown`() throws {
    let token = try #require(try HubToken("hf_secret", from: "test"))
    var settings = HubSettings(cacheFolder: "/c", token: token)
    settings.isOffline = true
    var dumped = ""
    dump(settings, to: &dumped)
    for text in ["\(token)", "\(settings)", String(reflecting: settings), dumped] {
      #expect(!text.contains("hf_secret"))
    }
  }

  @Test func `endpoint and offline mode are read`() throws {
    let settings = try HubSettings.environment(
      ["HF_ENDPOINT": "http://h:1/base/", "HF_HUB_OFFLINE": "yes", "HOME": "/h"])
    #expect(settings.endpoint == "http://h:1/base")
    #expect(settings.isOffline)
    #expect(try !HubSettings.environment(["HF_HUB_OFFLINE": "0", "HOME": "/h"]).isOffline)
    for endpoint in ["h", "ftp://h", "http://u:p@h", "http://h?x"] {
      #expect(hubError { try HubSettings.environment(["HF_ENDPOINT": endpoint]) } != nil)
    }
  }
}
