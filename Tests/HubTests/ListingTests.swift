// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Hub

@Suite struct ListingTests {
  private let model = HubModel.tiny

  @Test func `files are read with their hashes, folders left away`() throws {
    let text = FakeHub.listing(tinyFiles.sorted { $0.key < $1.key })
    let files = try HubListing.files(text.utf8, of: model, place: "p")
    #expect(files.map(\.path) == tinyFiles.keys.sorted())
    for file in files {
      #expect(file.hash == tinyFiles[file.path]?.hash)
      #expect(file.byteCount == tinyFiles[file.path]?.bytes.count)
    }
  }

  @Test(arguments: [
    "/etc/passwd", "../../.bashrc", "a/../../b", "a//b", "./config.json", "a/", "", ".", "..",
    "config.json\u{0}", "a\nb", "a\u{1B}[2Jb", "a\\b", "\u{202E}gnp.exe",
    String(repeating: "a", count: 256), String(repeating: "a/", count: 600) + "b",
  ])
  func `names that lead elsewhere are refused`(name: String) {
    let entry: JSON = [
      "type": "file", "path": JSON(name), "size": 1,
      "oid": JSON(String(repeating: "a", count: 40)),
    ]
    #expect(throws: HubError.fileName(name, of: model)) {
      try HubListing.files(JSON([entry]).serialized().utf8, of: model, place: "p")
    }
    let index: JSON = ["weight_map": ["w": JSON(name)]]
    #expect(throws: HubError.fileName(name, of: model)) {
      try HubListing.shards(index.serialized().utf8, index: "i", of: model)
    }
  }

  @Test(arguments: [
    "", "{}", "[1]", "[{}]", "<html>", #"[{"type":"file","path":"a"}]"#,
    #"[{"type":"file","path":"a","size":1,"oid":"../../x"}]"#,
    #"[{"type":"file","path":"a","size":-1,"oid":"\#(String(repeating: "a", count: 40))"}]"#,
    #"[{"type":"file","path":"a","size":1e30,"oid":"\#(String(repeating: "a", count: 40))"}]"#,
    #"[{"type":"file","path":"a","size":1,"oid":"\#(String(repeating: "A", count: 40))"}]"#,
    #"[{"type":"file","path":"a","size":1,"lfs":{"oid":"../x","size":1}}]"#,
    #"[{"type":"file","path":"a","size":1,"lfs":{"size":1}}]"#,
  ])
  func `answers that are no listing are refused`(text: String) {
    let error = hubError { try HubListing.files(text.utf8, of: model, place: "p") }
    guard case .answer? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: ["[]", "{}", #"{"sha":1}"#, #"{"sha":"main"}"#, #"{"sha":"../../../x"}"#])
  func `a revision that is no commit is refused`(text: String) {
    #expect(throws: HubError.self) { try HubListing.commit(text.utf8, place: "p") }
  }

  @Test func `the next page is found among links`() {
    #expect(HubListing.next([#"<https://h/a?b>; rel="next""#]) == "https://h/a?b")
    #expect(HubListing.next([#"</first>; rel="first", </x>; rel="next""#]) == "/x")
    #expect(HubListing.next([#"</x>; rel="prev""#, "no link"]) == nil)
  }

  @Test func `hashes are those of sha256sum and git`() {
    func digits(_ text: String, _ hash: HubFile.Hash) -> String {
      var hasher = HubHasher(HubFile(path: "a", byteCount: text.utf8.count, hash: hash))
      Array(text.utf8).withUnsafeBytes { hasher.update($0) }
      return hasher.result.found
    }
    #expect(
      digits("abc", .sha256(""))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(digits("hello\n", .gitBlob("")) == "ce013625030ba8dba906f756967f9e9ca394464a")
    #expect(digits("", .gitBlob("")) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
  }
}

@Suite struct SelectionTests {
  private func needed(
    _ names: [String], for purpose: HubPurpose = .model, shards: [String] = []
  ) -> [String]? {
    HubSelection.needed(of: Set(names), for: purpose, shards: shards)
  }

  @Test func `one form of the weights is chosen`() {
    let both = ["config.json", "model.safetensors", "pytorch_model.bin", "a.onnx", "flax.msgpack"]
    #expect(needed(both) == ["config.json", "model.safetensors"])
    #expect(
      needed(["config.json", "pytorch_model.bin", "m.gguf"]) == [
        "config.json", "pytorch_model.bin",
      ])
    let single = both + ["model.safetensors.index.json", "consolidated.safetensors"]
    #expect(needed(single) == ["config.json", "model.safetensors"])
  }

  @Test func `shards are those of the index, and not all that look so`() {
    let names = [
      "config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors", "consolidated.00.safetensors",
      "pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin",
    ]
    let shards = [names[2], names[3]]
    #expect(HubSelection.index(of: Set(names), for: .model) == names[1])
    #expect(needed(names, shards: shards) == ["config.json", names[2], names[3], names[1]])
    let torch = ["config.json", "pytorch_model.bin.index.json"]
    #expect(HubSelection.index(of: Set(torch), for: .model) == torch[1])
  }

  @Test func `a lone PyTorch file of another name is taken, states of trainers are not`() {
    #expect(
      needed(["consolidated.pth", "training_args.bin", "optimizer.pt"]) == ["consolidated.pth"])
    #expect(needed(["a.pth", "b.pth"]) == nil)
    #expect(needed(["sub/a.bin"]) == nil)
    #expect(needed(["model.gguf", "config.json"]) == nil)
  }

  @Test func `statistics are taken alone`() {
    let names = [
      "README.md", "config.json", "statistics-00001-of-00002.safetensors",
      "statistics-00002-of-00002.safetensors", "statistics.safetensors.index.json",
      "old/statistics.safetensors",
    ]
    #expect(needed(names, for: .statistics) == Array(names[2...4]))
    #expect(
      needed(["statistics.safetensors", "x"], for: .statistics) == ["statistics.safetensors"])
    #expect(needed(["model.safetensors"], for: .statistics) == nil)
  }

  @Test func `adapters are taken alone, and by models that are nothing else`() {
    let names = [
      "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "tokenizer.json",
    ]
    let expected = ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json"]
    #expect(needed(names, for: .adapter) == expected)
    #expect(needed(names) == expected)
    #expect(needed(names + ["model.safetensors"]) == ["model.safetensors", "tokenizer.json"])
  }

  @Test func `a tokenizer is taken without weights`() {
    let names = [
      "model.safetensors", "config.json", "tokenizer.model", "vocab.json", "merges.txt",
      "chat_template.jinja", "additional_chat_templates/tool_use.jinja", "original/tokenizer.model",
      "qwen.tiktoken",
    ]
    #expect(
      needed(names, for: .tokenizer) == [
        "additional_chat_templates/tool_use.jinja", "chat_template.jinja", "config.json",
        "merges.txt", "qwen.tiktoken", "tokenizer.model", "vocab.json",
      ])
    #expect(HubSelection.index(of: ["model.safetensors.index.json"], for: .tokenizer) == nil)
  }
}
