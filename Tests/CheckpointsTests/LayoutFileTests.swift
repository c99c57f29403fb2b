// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Checkpoints

/// The files in `Layouts/Data` and what a wrong one is told.
@Suite struct LayoutFileTests {
  @Test func `the list has every file in the folder`() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Sources/Checkpoints/Layouts/Data")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path())
      .map { $0.replacing(".json", with: "") }
    #expect(LayoutFiles.files.map(\.name) == files.sorted())
  }

  @Test(arguments: LayoutFiles.files.map(\.name))
  func `a file is JSON and follows the schema`(_ name: String) throws {
    let bytes = try #require(LayoutFiles.files.first { $0.name == name }).bytes
    _ = try JSON.parse(bytes, origin: "\(name).json")
    let family = try LayoutFamily(String(decoding: bytes, as: UTF8.self), origin: "\(name).json")
    for layout in family.layouts {
      for tensor in layout.modules.flatMap(\.tensors) {
        // One file's tensor is never found under two names of one layout.
        let others = layout.modules.flatMap(\.tensors).filter { $0.name != tensor.name }
        let taken = Set(others.flatMap { [$0.name] + $0.aliases })
        #expect(taken.isDisjoint(with: [tensor.name] + tensor.aliases), "\(tensor.name)")
      }
    }
  }

  @Test func `no two files describe one class or one model_type`() {
    let classes = LayoutFiles.families.flatMap(\.layouts).map(\.architecture)
    #expect(classes.count == Set(classes).count)
    let types = LayoutFiles.families.flatMap(\.modelTypes)
    #expect(types.count == Set(types).count)
    #expect(classes.count == ModelLayout.all.count)
  }

  @Test func `a class or a model_type is found without reading the other files`() throws {
    for family in LayoutFiles.families {
      for layout in family.layouts {
        #expect(LayoutFiles.layout(architecture: layout.architecture) == layout)
      }
      for type in family.modelTypes {
        #expect(LayoutFiles.layout(modelType: type) == family.layouts[0])
      }
    }
    for name in ["", "NoSuchModel", "model_types", "default", "llama\"", "embed_tokens.weight"] {
      #expect(LayoutFiles.layout(architecture: name) == nil)
      #expect(LayoutFiles.layout(modelType: name) == nil)
    }
  }

  private static let good = """
    {"model_types": ["tiny"], "prefix": "model.",
     "modules": [{"name": "default", "depth": "layers", "layers": "h.{layer}.",
      "before": [{"name": "e.weight", "vocabulary_axis": 0}], "layer": ["w.weight", "b.bias?"],
      "after": ["n.weight"]}],
     "architectures": {"TinyLM": {"after": [{"name": "head.weight?", "tied": "model.e.weight"}]},
      "TinyModel": {"prefix": ""}}}
    """

  @Test func `a good file is read`() throws {
    let family = try LayoutFamily(Self.good, origin: "tiny.json")
    #expect(family.modelTypes == ["tiny"])
    #expect(family.layouts.map(\.architecture) == ["TinyLM", "TinyModel"])
    let module = family.layouts[0].modules[0]
    #expect(
      module.tensors.map(\.name) == [
        "model.e.weight", "model.h.{layer}.w.weight", "model.h.{layer}.b.bias", "model.n.weight",
        "head.weight",
      ])
    #expect(module.tensors.map(\.isOptional) == [false, false, true, false, true])
    #expect(module.tensors.map(\.stage) == [.before, .layer, .layer, .after, .after])
    #expect(module.tensors[0].vocabularyAxis == 0)
    #expect(module.tensors[4].tiedNames == ["model.e.weight", "e.weight"])
    #expect(
      family.layouts[1].modules[0].tensors.map(\.name) == [
        "e.weight", "h.{layer}.w.weight", "h.{layer}.b.bias", "n.weight",
      ])
  }

  /// What to replace, by what, and what the message must hold.
  private static let faults: [(old: String, new: String, message: String)] = [
    ("\"prefix\": \"model.\"", "\"prefx\": \"model.\"", "prefx"),
    ("\"vocabulary_axis\": 0", "\"vocabulary_axes\": 0", "vocabulary_axes"),
    ("\"vocabulary_axis\": 0", "\"vocabulary_axis\": -1", "vocabulary_axis"),
    ("\"depth\"", "\"dept\"", "dept"),
    ("\"depth\": \"layers\", ", "", "depth"),
    ("\"layer\": [\"w.weight\", \"b.bias?\"],", "", "depth"),
    ("\"name\": \"default\", ", "", "name"),
    ("\"TinyModel\": {\"prefix\"", "\"TinyModel\": {\"prefixes\"", "prefixes"),
    ("\"TinyModel\": {\"prefix\": \"\"}", "\"TinyModel\": {\"modules\": [\"x\"]}", "modules"),
    ("\"TinyModel\": {\"prefix\": \"\"}", "\"TinyModel\": {\"modules\": []}", "modules"),
    ("[\"tiny\"]", "[]", "model_types"),
    ("[\"tiny\"]", "{\"a\": 1}", "model_types"),
    ("h.{layer}.", "h.", "{layer}"),
    ("\"n.weight\"", "\"n.{layer}.weight\"", "{layer}"),
    ("\"b.bias?\"", "\"w.weight?\"", "differ"),
    ("\"b.bias?\"", "\"?\"", "layer[1]"),
    ("\"b.bias?\"", "[]", "layer[1]"),
    ("\"b.bias?\"", "\"{expert}.bias?\"", "experts"),
    ("\"b.bias?\"", "{\"name\": \"b.bias?\", \"experts\": [\"n\"]}", "experts"),
    ("\"b.bias?\"", "{\"name\": \"{expert}.bias\", \"experts\": [\"n\"]}", "optional"),
    (
      "\"b.bias?\"", "{\"name\": \"b?\", \"experts\": [\"n\"], \"parts\": [\"{expert}.x\"]}",
      "parts"
    ),
    ("\"model.e.weight\"", "\"model.f.weight\"", "tied"),
    ("\"head.weight?\"", "\"head.weight\"", "tied tensors are optional"),
    ("\"after\": [\"n.weight\"]", "\"after\": \"n.weight\"", "a list"),
    ("}}}", "}}", "well formed"),
  ]

  @Test(arguments: faults.indices)
  func `a wrong file is refused with the place of the fault`(_ index: Int) throws {
    let fault = Self.faults[index]
    #expect(Self.good.contains(fault.old), "nothing would be tested")
    let text = Self.good.replacing(fault.old, with: fault.new, maxReplacements: 1)
    let error = try #require(throws: DocumentError.self) {
      _ = try LayoutFamily(text, origin: "tiny.json")
    }
    let sentence = "\(error.diagnosis.what) \(error.diagnosis.where)"
    #expect(sentence.contains(fault.message), "\(sentence)")
    #expect(sentence.contains("tiny.json"))
  }

  @Test func `no modules and no classes are refused`() {
    for text in [
      #"{"model_types": ["tiny"], "architectures": {"Tiny": {}}}"#,
      #"{"model_types": ["tiny"], "modules": [{"name": "a", "before": ["w"]}]}"#,
    ] {
      #expect(throws: DocumentError.self) { _ = try LayoutFamily(text, origin: "tiny.json") }
    }
  }
}
