// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Surgery
import Synchronization
import Tensors
import Testing

@testable import Recipes

/// Merge files as jobs: stages that are kept, places that are checked, cards that are written.
@Suite struct MergeJobTests {
  /// A folder with the models `a`, `b` and `c`, and a graph of two documents over them.
  private final class Place {
    let path: String
    let elementType: ElementType

    init(elementType: ElementType = .float32) throws {
      self.elementType = elementType
      path =
        FileManager.default.temporaryDirectory
        .appendingPathComponent("koine-merge-job-\(UUID().uuidString)").path
      for (number, name) in ["a", "b", "c"].enumerated() { try model(name, Float(number)) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func model(_ name: String, _ value: Float, force: Bool = false) throws {
      let checkpoint = try Checkpoint.inMemory(
        config: ["model_type": "other", "_name_or_path": JSON("lab/\(name)")],
        tensors: [
          (name: "x.weight", shape: [2, 3], values: (0..<6).map { value + Float($0) / 3 }),
          (name: "y.weight", shape: [3], values: [value, 1 - value, 0.1]),
        ], elementType: elementType, tokenizerFilesFrom: nil)
      try CheckpointWriter.write(
        checkpoint, to: "\(path)/\(name)", options: .init(force: force))
    }

    func graph(weight: Double = 0.25) -> String {
      """
      # A graph.
      name: half
      merge_method: linear
      models:
        - {model: \(path)/a, parameters: {weight: \(weight)}}
        - {model: \(path)/b, parameters: {weight: 0.5}}
      dtype: bfloat16
      ---
      merge_method: dare_linear
      base_model: \(path)/c
      models:
        - {model: half, parameters: {weight: 0.7, density: 0.5}}
      """
    }

    func job(
      _ text: String? = nil, keeps: Bool = true, out: String = "out", force: Bool = false
    ) throws -> MergeJob {
      try MergeJob(
        text: text ?? graph(), origin: "graph.yaml", out: "\(path)/\(out)",
        intermediate: keeps ? "\(path)/stages" : nil, writing: .init(force: force))
    }

    func bytes(_ name: String) throws -> Data {
      try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    func inode(_ name: String) -> UInt64? { Disk.identity("\(path)/\(name)")?.inode }
  }

  /// What the observer hears: which stages were made and which were kept.
  private func run(_ job: MergeJob) throws -> [String] {
    let heard = Mutex<[String]>([])
    try job.run { event in
      switch event {
      case .started(let step, _, _, _, _): heard.withLock { $0.append("made \(step)") }
      case .reused(let step, _, _, _): heard.withLock { $0.append("kept \(step)") }
      default: break
      }
    }
    return heard.withLock { $0 }
  }

  @Test(arguments: [true, false])
  func `a graph gives the same bytes in one pass and stage by stage`(hasType: Bool) throws {
    let place = try Place(elementType: .bfloat16)
    let text = hasType ? place.graph() : place.graph().replacing("dtype: bfloat16", with: "")
    #expect(try run(place.job(text, keeps: false, out: "once")) == ["made once"])
    #expect(try run(place.job(text, out: "staged")) == ["made half", "made staged"])
    #expect(
      try place.bytes("once/model.safetensors") == place.bytes("staged/model.safetensors"))
    #expect(try place.bytes("once/config.json") == place.bytes("staged/config.json"))
    let half = try Checkpoint.open(directory: "\(place.path)/stages/half")
    #expect(half.info("x.weight")?.elementType == (hasType ? .bfloat16 : .float32))
    let result = try Checkpoint.open(directory: "\(place.path)/staged")
    #expect(result.info("x.weight")?.elementType == .bfloat16)
  }

  @Test func `a finished stage is kept, and made again when its inputs or recipe change`() throws {
    let place = try Place()
    #expect(try run(place.job()) == ["made half", "made out"])
    let stage = place.inode("stages/half/model.safetensors")
    #expect(try run(place.job(force: true)) == ["kept half", "made out"])
    #expect(place.inode("stages/half/model.safetensors") == stage)
    let text = place.graph(weight: 0.5)
    #expect(try run(place.job(text, force: true)) == ["made half", "made out"])
    #expect(try run(place.job(text, force: true)) == ["kept half", "made out"])
    try place.model("b", 9, force: true)
    #expect(try run(place.job(text, force: true)) == ["made half", "made out"])
    // An input of the result alone.
    try place.model("c", 7, force: true)
    #expect(try run(place.job(text, force: true)) == ["kept half", "made out"])
  }

  @Test func `a stage is made again when a sample text or the statistics have changed`() throws {
    let place = try Place()
    func settings(_ texts: [String]) throws -> MergeJob {
      try MergeJob(
        text: place.graph(), origin: "graph.yaml", out: "\(place.path)/out",
        intermediate: "\(place.path)/stages", planning: .init(sampleTexts: texts),
        writing: .init(force: true))
    }
    #expect(try run(settings(["one text"])) == ["made half", "made out"])
    #expect(try run(settings(["one text"])) == ["kept half", "made out"])
    #expect(try run(settings(["another text"])) == ["made half", "made out"])
    // Statistics count as inputs, also those of merges inside.
    let recipe = try MergeGraph.parse(
      """
      merge_method: fisher
      models:
        - {model: a, statistics: of/a}
        - model:
            merge_method: fisher
            models: [{model: b, statistics: of/b}, {model: c, statistics: of/a}]
          statistics: of/both
      """, origin: "t"
    ).result
    #expect(Set(recipe.statistics) == ["of/a", "of/b", "of/both"])
    #expect(recipe.statistics.count == 3)
  }

  @Test func `a job that was interrupted goes on after its last finished stage`() throws {
    let place = try Place()
    struct Killed: Error {}
    // The models are resolved for each stage; the base is needed by the second alone.
    let resolutions = Mutex(0)
    let folders = ModelResolver.folders()
    let resolver = ModelResolver { reference in
      let isLast = reference.description.hasSuffix("/c")
      // Once for the check of the plan, once for the work.
      if isLast,
        resolutions.withLock({
          $0 += 1
          return $0
        }) == 2
      {
        throw Killed()
      }
      return try folders.resolve(reference)
    }
    let job = try MergeJob(
      text: place.graph(), origin: "graph.yaml", out: "\(place.path)/out",
      intermediate: "\(place.path)/stages", resolver: resolver)
    #expect(throws: Killed.self) { try run(job) }
    #expect(!Disk.exists("\(place.path)/out"))
    #expect(try run(place.job()) == ["kept half", "made out"])
  }

  @Test func `a folder that no job has written is not replaced by a stage`() throws {
    let place = try Place()
    _ = try run(place.job())
    try Disk.remove("\(place.path)/stages/.half.stage.json")
    #expect(throws: CheckpointError.self) { try run(place.job(out: "again")) }
    #expect(try run(place.job(out: "again", force: true)) == ["made half", "made again"])
  }

  @Test func `a stage whose weights are gone is made again`() throws {
    let place = try Place()
    _ = try run(place.job())
    for lost in ["/model.safetensors", ""] {
      try Disk.remove("\(place.path)/stages/half\(lost)")
      #expect(try run(place.job(force: true)) == ["made half", "made out"])
    }
  }

  @Test func `a stage whose weights somebody has changed is made again, without force`() throws {
    let place = try Place()
    #expect(try run(place.job(out: "first")) == ["made half", "made first"])
    let wanted = try place.bytes("first/model.safetensors")
    var bytes = try place.bytes("stages/half/model.safetensors")
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: URL(fileURLWithPath: "\(place.path)/stages/half/model.safetensors"))
    #expect(try run(place.job(out: "second")) == ["made half", "made second"])
    #expect(try place.bytes("second/model.safetensors") == wanted)
    // Nor is force needed where an input has changed.
    try place.model("a", 5, force: true)
    #expect(try run(place.job(out: "third")) == ["made half", "made third"])
  }

  @Test func `the result does not replace a stage that it is made from`() throws {
    let place = try Place()
    #expect(throws: CheckpointError.target("\(place.path)/stages/half", .input)) {
      try run(place.job(out: "stages/half", force: true))
    }
    #expect(!Disk.exists("\(place.path)/stages"))
  }

  @Test func `a writing that is interrupted leaves nothing behind`() throws {
    let place = try Place()
    var writing = CheckpointWriter.Options()
    writing.isInterrupted = { true }
    let job = try MergeJob(
      text: place.graph(), origin: "graph.yaml", out: "\(place.path)/out", writing: writing)
    #expect(throws: StepInterrupted.self) { try run(job) }
    #expect(try Disk.names(in: place.path) == ["a", "b", "c"])
  }

  @Test func `no stage takes an input's place`() throws {
    let place = try Place()
    #expect(throws: CheckpointError.target("\(place.path)/b", .input)) {
      try run(place.job(out: "b", force: true))
    }
    let text = place.graph().replacing("name: half", with: "name: a")
      .replacing("model: half", with: "model: a")
    let job = try MergeJob(
      text: text, origin: "graph.yaml", out: "\(place.path)/out", intermediate: place.path,
      writing: .init(force: true))
    #expect(throws: CheckpointError.target("\(place.path)/a", .input)) { try run(job) }
    #expect(try place.bytes("a/config.json").count > 0)
  }

  @Test func `a document's name that leaves the folder is refused`() throws {
    let place = try Place()
    for name in ["../half", "a/b", ".half"] {
      let text = place.graph().replacing("name: half", with: "name: \(name)")
        .replacing("model: half", with: "model: \(name)")
      #expect(throws: MergeError.self) { try place.job(text) }
    }
  }

  @Test func `everything wrong with a later stage is found before the first is made`() throws {
    let place = try Place()
    try FileManager.default.createDirectory(
      atPath: "\(place.path)/out", withIntermediateDirectories: true)
    try Data("mine".utf8).write(to: URL(fileURLWithPath: "\(place.path)/out/notes.txt"))
    #expect(throws: CheckpointError.self) { try run(place.job()) }
    #expect(!Disk.exists("\(place.path)/stages"))
  }

  @Test func `each folder gets a card and a recipe that makes it again`() throws {
    let place = try Place()
    _ = try run(place.job())
    let card = try Disk.readText("\(place.path)/out/README.md")
    #expect(card.hasPrefix("---\nbase_model:\n- lab/c\n- lab/a\n- lab/b\nlibrary_name:"))
    #expect(card.contains("- `\(place.path)/c`, the base\n- `half`\n"))
    for folder in ["out", "stages/half"] {
      let text = try Disk.readText("\(place.path)/\(folder)/koine_config.yaml")
      _ = try run(place.job(text, keeps: false, out: "again"))
      #expect(
        try place.bytes("again/model.safetensors") == place.bytes("\(folder)/model.safetensors"))
      try Disk.remove("\(place.path)/again")
    }
    let single = "# Mine.\nmerge_method: passthrough\nmodels: [{model: \(place.path)/a}]\n"
    _ = try run(place.job(single, out: "single"))
    #expect(try Disk.readText("\(place.path)/single/koine_config.yaml") == single)
  }

  @Test func `the seed of the command line reaches the recipes that have none`() throws {
    let place = try Place()
    func merged(seed: Int?, text: String, out: String) throws -> Data {
      try MergeJob(
        text: text, origin: "graph.yaml", out: "\(place.path)/\(out)", randomSeed: seed
      ).run { _ in }
      return try place.bytes("\(out)/model.safetensors")
    }
    let own = place.graph() + "\nparameters: {seed: 5}\n"
    let five = try merged(seed: nil, text: own, out: "s1")
    #expect(try merged(seed: 6, text: own, out: "s2") == five)
    #expect(try merged(seed: 5, text: place.graph(), out: "s3") == five)
    #expect(try merged(seed: 6, text: place.graph(), out: "s4") != five)
  }

  @Test(arguments: [false, true], [false, true])
  func `koine_config.yaml alone repeats the bytes that a seed of the command line gave`(
    keeps: Bool, isExact: Bool
  ) throws {
    let place = try Place()
    let masked = """
      merge_method: dare_linear
      base_model: \(place.path)/a
      models: [{model: \(place.path)/b, parameters: {weight: 1, density: 0.5}}]
      """
    let graph =
      "# Mine.\nname: half\n\(masked)\n---\nmerge_method: linear\nmodels:\n"
      + "  - {model: half, parameters: {weight: 0.5}}\n  - model:\n"
      + masked.split(separator: "\n").map { "      \($0)\n" }.joined()
      + "      random_seed: 3\n    parameters: {weight: 1}\n"
    func made(_ text: String, seed: Int?, out: String) throws -> (Data, String) {
      try MergeJob(
        text: text, origin: "graph.yaml", out: "\(place.path)/\(out)",
        intermediate: keeps ? "\(place.path)/stages-\(out)" : nil,
        planning: .init(mergekitExact: isExact ? MergekitExactOptions() : nil),
        commandLine: isExact ? "--mergekit-exact" : "", randomSeed: seed
      ).run { _ in }
      return (
        try place.bytes("\(out)/model.safetensors"),
        try Disk.readText("\(place.path)/\(out)/koine_config.yaml")
      )
    }
    for (number, text) in [masked, "{\(masked.replacing("\n", with: ", "))}", graph].enumerated() {
      let (bytes, written) = try made(text, seed: 11, out: "first\(number)")
      #expect(written.contains("random_seed: 11") && !written.contains("seed: 3"), "\(written)")
      let card = try Disk.readText("\(place.path)/first\(number)/README.md")
      #expect(!card.contains("--random-seed"))
      #expect(try made(written, seed: nil, out: "again\(number)").0 == bytes, "\(written)")
      #expect(try made(text, seed: 12, out: "other\(number)").0 != bytes)
    }
    #expect(
      try made("# Mine.\n" + masked, seed: 1, out: "last").1.hasPrefix("# Mine.\nrandom_seed: 1\n"))
  }

  @Test func `a look ahead shows each stage as it would be made and kept`() throws {
    let place = try Place(elementType: .bfloat16)
    let text = place.graph().replacing("dtype: bfloat16", with: "")
    let job = try place.job(text)
    let planned = try job.plans()
    #expect(try Disk.names(in: place.path) == ["a", "b", "c"])
    #expect(planned.map(\.stage.name) == ["half", "out"])
    // Kept in float32, 9 elements; the result has the models' type.
    #expect(planned.map(\.byteCount) == [36, 18])
    let (half, out) = (try #require(planned[0].work), try #require(planned[1].work))
    #expect(half.plan.models.map(\.name) == ["\(place.path)/a", "\(place.path)/b"])
    #expect(out.plan.models.map(\.name) == ["\(place.path)/c", "\(place.path)/stages/half"])
    #expect(half.outline.byteCount == 36 && half.outline.fileNames == ["model.safetensors"])
    #expect(out.plan.models[1].checkpoint.info("x.weight")?.elementType == .float32)
    // Measuring reads a stage that is not there.
    #expect(try MergeEstimate.measured(out.plan).seconds != nil)
    #expect(try run(job) == ["made half", "made out"])
    let written = try Checkpoint.open(directory: "\(place.path)/stages/half")
    #expect(written.byteCount == planned[0].byteCount)
    let kept = try place.job(text, out: "again").plans()
    #expect(kept.map { $0.work == nil } == [true, false] && kept.map(\.byteCount) == [36, 18])
    #expect(kept[1].work?.plan.models.map(\.name) == out.plan.models.map(\.name))
  }

  @Test func `a look ahead folds an adapter into a stage that is not there`() throws {
    let place = try Place()
    let text = place.graph().replacing("model: half,", with: "model: half+\(place.path)/lora,")
    let folders = ModelResolver.folders { model, adapter in
      #expect(adapter.path == "\(place.path)/lora" && model.info("x.weight") != nil)
      return model
    }
    let job = try MergeJob(
      text: text, origin: "graph.yaml", out: "\(place.path)/out",
      intermediate: "\(place.path)/stages", resolver: folders)
    #expect(try job.plans().count == 2)
  }
}
