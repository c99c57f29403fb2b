// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Runs
  import Synchronization
  import Testing
  import Tokenization

  @testable import Recipes
  @testable import Training

  /// `koine train` on texts of a few kilobytes and a model of a few thousand weights.
  struct TrainJobTests {
    /// Events of a run, from whichever thread.
    final class Events: Sendable {
      private let all = Mutex<[TrainEvent]>([])
      var observer: TrainObserver { { event in self.all.withLock { $0.append(event) } } }
      var steps: [TrainProgress] {
        all.withLock {
          $0.compactMap { if case .step(let progress) = $0 { progress } else { nil } }
        }
      }
      var work: Set<String> {
        all.withLock {
          Set($0.compactMap { if case .work(let label, _, _, _) = $0 { label } else { nil } })
        }
      }
      var messages: [String] {
        all.withLock {
          $0.compactMap { if case .message(let text) = $0 { text } else { nil } }
        }
      }
    }

    /// A folder with two texts and a set of examples in it, which goes when it is let go.
    final class Place {
      let root = FileManager.default.temporaryDirectory
        .appending(path: "koine-train-\(UUID().uuidString)").path
      var out: String { root + "/out" }
      var data: String { root + "/data" }

      init() throws {
        try Disk.makeFolder(data)
        for (name, words) in [
          ("fao", ["hetta", "er", "ein", "bygd", "við", "sjógv"]),
          ("eng", ["this", "is", "a", "village", "by", "the", "sea"]),
        ] {
          var random = SeededRandom(seed: 7, name: name)
          let lines = (0..<160).map { _ in
            (0..<4 + random.below(9)).map { _ in random.pick(words) }.joined(separator: " ") + ".\n"
          }
          try Disk.write(lines.joined(), to: data + "/\(name).txt")
        }
        let rows = (0..<20).map {
          "{\"prompt\": \"hetta er \($0):\", \"completion\": \" bygd\"}\n"
        }
        try Disk.write(rows.joined(), to: data + "/rows.jsonl")
      }

      deinit { try? Disk.remove(root) }
    }

    private func yaml(_ training: String = "", _ evaluation: String = "", extra: String = "")
      -> String
    {
      """
      seed: 3
      window_length: 32
      config: {hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2,
        max_position_embeddings: 64}
      tokenizer: {vocab_size: 300}
      text:
        fao: {files: [fao.txt], deduplicate: false}
        eng: {files: [eng.txt], deduplicate: false}
      training: {steps: 6, batch_size: 2, learning_rate: 1e-2, log_every: 2, save_every: 2\(training)}
      evaluation: {every: 3, held_out: {share: 0.1, max_bytes: 1000}\(evaluation)}
      \(extra)

      """
    }

    private func job(_ place: Place, _ yaml: String) throws -> TrainJob {
      TrainJob(
        try TrainRecipe(yaml: yaml, origin: "t.yaml"), out: place.out, dataFolder: place.data)
    }

    private let environment = RunEnvironment(
      engine: "MLX", blas: "a BLAS", device: "cpu", system: "a system", coreCount: 1)

    @discardableResult
    private func run(
      _ job: TrainJob, restart: Bool = false, cancellation: Cancellation = Cancellation(),
      _ events: Events = Events()
    ) throws -> TrainSummary {
      try job.run(
        restart: restart, environment: environment, cancellation: cancellation,
        observer: events.observer)
    }

    private func bytes(_ path: String) throws -> [UInt8] { try Disk.read(path) }

    @Test func `a training leaves a checkpoint, its records and what was asked for beside`() throws
    {
      let place = try Place()
      let events = Events()
      let summary = try run(
        try job(
          place,
          yaml(
            "", ", ema: 0.5, average_last: 2, samples: {tokens: 4, prompts: [{text: hetta}]}")),
        events)
      for folder in ["", "/best", "/ema", "/averaged"] {
        let checkpoint = try Checkpoint.open(directory: place.out + folder)
        try checkpoint.validate()
        try checkpoint.checkFinite()
        #expect(checkpoint.tokenizerFiles.contains { $0.name == "tokenizer.json" })
      }
      let names = Set(try Disk.names(in: place.out))
      for name in ["train.json", "run.json", "recipe.yaml", "summary.json", "metrics.jsonl"] {
        #expect(names.contains(name))
      }
      #expect(!names.contains("state"))
      #expect(summary.json["steps"]?.int == 6)
      #expect(summary.json["seen_tokens"]?.int == 6 * 2 * 32)
      #expect(summary.json["scores"]?["bits_per_byte"]?["fao"]?.double ?? 0 > 0)
      // mlx-lm's names.
      let metrics = try MetricsLog.read(place.out + "/metrics.jsonl")
      #expect(metrics.filter { $0.values["train_loss"] != nil }.map(\.iteration) == [2, 4, 6])
      let last = try #require(metrics.last { $0.values["train_loss"] != nil })
      for name in [
        "learning_rate", "iterations_per_second", "tokens_per_second", "trained_tokens",
        "peak_memory",
      ] {
        #expect(last.values[name] != nil, "\(name)")
      }
      let evaluated = metrics.filter { $0.values["val_loss"] != nil }
      #expect(evaluated.map(\.iteration) == [3, 6])
      #expect(evaluated.allSatisfy { $0.values["val_time"] != nil })
      #expect(evaluated.allSatisfy { $0.values["ema/bits_per_byte/eng"] != nil })
      // The same numbers for TensorBoard.
      let board = try #require(try Disk.names(in: place.out + "/tensorboard").first)
      let board2 = try EventFile.read(place.out + "/tensorboard/" + board)
      let losses = board2.flatMap { event in
        event.scalars.filter { $0.tag == "train/loss" }.map { (event.step, $0.value) }
      }
      #expect(losses.map(\.0) == [2, 4, 6])
      #expect(losses.last?.1 == last.values["train_loss"].map { Float($0) })
      let samples = try Disk.readText(place.out + "/samples.jsonl").split(separator: "\n")
      #expect(samples.count == 2)
      #expect(events.steps.map(\.step) == [1, 2, 3, 4, 5, 6])
    }

    @Test func `memory is what the control group and those around it leave`() throws {
      let place = try Place()
      func group(_ name: String, maximum: String, used: Int, files: Int) throws {
        let folder = place.root + "/cgroup" + name
        try Disk.makeFolder(folder)
        try Disk.write("\(maximum)\n", to: folder + "/memory.max")
        try Disk.write("\(used)\n", to: folder + "/memory.current")
        try Disk.write(
          "anon 5\ninactive_file \(files)\nactive_file 1\nfile 999\n",
          to: folder + "/memory.stat")
      }
      func rest(_ name: String) -> Int? {
        Machine.controlGroupRest(ofGroup: name, root: place.root + "/cgroup")
      }
      #expect(rest("/a/b") == nil)
      try group("/a", maximum: "1000", used: 900, files: 599)
      #expect(rest("/a/b") == 700 && rest("/") == nil)
      try group("/a/b", maximum: "max", used: 900, files: 0)
      #expect(rest("/a/b") == 700)
      try group("/a/b", maximum: "200", used: 400, files: 0)
      #expect(rest("/a/b") == 0 && rest("/a") == 700)
    }

    @Test func `the mean of the last checkpoints is their mean`() throws {
      let place = try Place()
      try run(try job(place, yaml("", ", average_last: 2")))
      let kept = try Disk.names(in: place.out + "/checkpoints").sorted()
      #expect(kept == ["step-00000003", "step-00000006"])
      let parts = try kept.map {
        try Checkpoint.open(directory: place.out + "/checkpoints/" + $0)
      }
      let mean = try Checkpoint.open(directory: place.out + "/averaged")
      for name in mean.names {
        let (a, b) = (try parts[0].floats(name), try parts[1].floats(name))
        for (value, (x, y)) in zip(try mean.floats(name), zip(a, b)) {
          #expect(abs(value - (x + y) / 2) <= 1e-7)
        }
      }
    }

    @Test(arguments: [1, 3, 5])
    func `an interrupted training goes on to the same bytes`(stop: Int) throws {
      let (whole, broken) = (try Place(), try Place())
      let text = yaml("", ", ema: 0.5")
      try run(try job(whole, text))
      let cancellation = Cancellation()
      do {
        _ = try job(broken, text).run(
          environment: environment, cancellation: cancellation
        ) { event in
          if case .step(let progress) = event, progress.step == stop {
            cancellation.request(signal: SIGTERM)
          }
        }
        Issue.record("it was asked to stop")
      } catch let interruption as TrainInterrupted {
        #expect(interruption.exitCode == 143)
      }
      #expect(Disk.exists(broken.out + "/state"))
      #expect(try RunFolder(path: broken.out).readRun().status == .interrupted)
      let events = Events()
      let summary = try run(try job(broken, text), events)
      #expect(events.steps.first?.step == stop + 1)
      #expect(summary.json["resumed_at"]?.int == stop)
      for file in ["/model.safetensors", "/ema/model.safetensors", "/best/model.safetensors"] {
        #expect(try bytes(broken.out + file) == bytes(whole.out + file))
      }
      let names = ["train_loss", "learning_rate", "val_loss", "bits_per_byte/fao"]
      func points(_ place: Place) throws -> [String] {
        try MetricsLog.read(place.out + "/metrics.jsonl").flatMap { record in
          names.compactMap { name in
            record.values[name].map { "\(record.iteration) \(name) \($0)" }
          }
        }
      }
      #expect(try points(broken) == points(whole))
    }

    @Test func `results that could not be written are the same when they can`() throws {
      let (whole, broken) = (try Place(), try Place())
      let text = yaml()
      let expected = try run(try job(whole, text))
      // A folder in the place of the summary, as long as the first process runs.
      let obstacle = broken.out + "/summary.json"
      #expect(throws: (any Error).self) {
        try job(broken, text).run(environment: environment) { event in
          if case .phase("writing the results") = event { try? Disk.makeFolder(obstacle + "/x") }
        }
      }
      try Disk.remove(obstacle)
      let found = try run(try job(broken, text))
      for key in ["scores", "trained_tokens", "best", "train_loss"] {
        #expect(found.json[key] != nil && found.json[key] == expected.json[key], "\(key)")
      }
      let record = try RunFolder(path: broken.out).readRun()
      #expect(record.steps[0].trainedTokens == expected.json["trained_tokens"]?.int)
    }

    @Test func `ecosystem failure 1, tokens that the model has no rows for, is told before step 1`()
      throws
    {
      let (first, second) = (try Place(), try Place())
      try run(try job(first, yaml()))
      let count = try #require(
        try Checkpoint.open(directory: first.out).config["vocab_size"]?.int)
      let path = first.out + "/tokenizer.json"
      var json = try JSON.parse(bytes(path), origin: path)
      json["added_tokens"] = JSON(
        (json["added_tokens"]?.array ?? []) + [
          [
            "id": JSON(count), "content": "bygd við", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": false,
          ]
        ])
      try Disk.write(json.serialized(), to: path)
      let text = yaml().replacing(
        /config:[^}]*}\ntokenizer: [^\n]*/, with: "model: \(first.out)")
      let events = Events()
      do {
        try run(try job(second, text), events)
        Issue.record("the text has a token more than the model")
      } catch let error as TrainError {
        guard case .vocabulary(let token, let id, let source, let size, _) = error else {
          throw error
        }
        #expect(token == "bygd við" && id == count && size == count && source == "fao")
      }
      #expect(events.steps.isEmpty)
    }

    @Test func `an epoch of examples that are not packed is all of them once`() throws {
      let place = try Place()
      let first = try Place()
      try run(try job(first, yaml()))
      let text = yaml(extra: "examples:\n  rows: {files: [rows.jsonl], packing: none}")
        .replacing(/text:\n.*\n.*\n/, with: "")
        .replacing(/config:[^}]*}\ntokenizer: [^\n]*/, with: "model: \(first.out)")
        .replacing("steps: 6", with: "epochs: 1")
        .replacing(", held_out: {share: 0.1, max_bytes: 1000}", with: "")
      let summary = try run(try job(place, text))
      let source = try #require(summary.json["sources"]?.array?.first)
      #expect(source["documents"]?.int == 20 && source["epochs"]?.double == 1)
      #expect(summary.json["steps"]?.int == 10)
      #expect((source["trained_bytes"]?.int ?? 0) > 0)
    }

    @Test func `a folder without tokenizer.json has the hash of what it would be`() throws {
      let place = try Place()
      try run(try job(place, yaml()))
      let tokenizer = try Tokenizer.load(directory: place.out)
      let hash = { (path: String) throws in try Hashing.sha256(fileAt: path).hash }
      #expect(
        try tokenizer.fileHash(in: place.out, hash)
          == hash(place.out + "/tokenizer.json"))
      #expect(
        try tokenizer.fileHash(in: place.data, hash)
          == Hashing.sha256(tokenizer.json.serialized()))
    }

    @Test func `ecosystem failure 7, tokenization repeated after a crash, does not happen`() throws
    {
      let place = try Place()
      let cancellation = Cancellation()
      #expect(throws: TrainInterrupted.self) {
        try job(place, yaml()).run(environment: environment, cancellation: cancellation) {
          if case .step = $0 { cancellation.request() }
        }
      }
      let shards = try Disk.names(in: place.out + "/data").filter { $0.hasSuffix(".tokens") }
      #expect(shards.count == 4)
      let states = shards.map { Disk.identity(place.out + "/data/" + $0) }
      let events = Events()
      try run(try job(place, yaml()), events)
      #expect(!events.work.contains { $0.hasPrefix("encoding") }, "\(events.work)")
      #expect(shards.map { Disk.identity(place.out + "/data/" + $0) } == states)
      // Nor where the training is thrown away for another learning rate.
      let again = Events()
      try run(try job(place, yaml(", beta1: 0.8")), restart: true, again)
      #expect(!again.work.contains { $0.hasPrefix("encoding") }, "\(again.work)")
    }

    @Test func `ecosystem failure 10, old losses that nobody can look at, does not happen`() throws
    {
      let place = try Place()
      try run(try job(place, yaml()))
      let notebook = try Notebook.open(place.root + "/koine.sqlite")
      #expect(try notebook.runs().map(\.name) == ["out"])
      let losses = try notebook.metrics(run: "out", name: "train_loss")
      #expect(losses.map(\.iteration) == [2, 4, 6])
    }

    @Test func `ecosystem failure 10, out of memory at the longest batch, is told before step 1`()
      throws
    {
      let place = try Place()
      var small = try job(place, yaml())
      small.availableMemory = { 100_000 }
      let events = Events()
      do {
        _ = try run(small, events)
        Issue.record("100 kB are not enough")
      } catch TrainError.memory(_, let available, let isMeasured) {
        #expect(available == 100_000)
        #expect(!isMeasured)
      }
      // Where the estimate fits, the fullest batch itself is the measure.
      let size = try ModelSize(
        config: Initialization.llamaConfig(
          try sizes(small), vocabularySize: 300, endOfText: 0), origin: "a test")
      let estimate = try size.trainingByteCount(
        small.recipe.training,
        ModelSize.TrainingShape(batchTokens: 64, evaluatedTokens: 4096))
      let asked = Mutex(0)
      small.availableMemory = {
        asked.withLock {
          $0 += 1
          return $0 == 1 ? estimate : 10_000
        }
      }
      do {
        _ = try run(small, events)
        Issue.record("10 kB are not enough")
      } catch TrainError.memory(_, _, let isMeasured) { #expect(isMeasured) }
      #expect(events.steps.isEmpty)
    }

    private func sizes(_ job: TrainJob) throws -> LlamaSizes {
      guard case .fresh(let sizes, _) = job.recipe.start else { throw CancellationError() }
      return sizes
    }

    @Test func `a changed training is refused with what differs, and restart begins anew`() throws {
      let place = try Place()
      try run(try job(place, yaml()))
      let other = try job(place, yaml(", weight_decay: 0.5"))
      do {
        try run(other)
        Issue.record("the folder holds another training")
      } catch TrainError.otherTraining(_, let differences) {
        #expect(differences.map(\.path) == ["training.weight_decay"])
      }
      try Disk.write("one more line.\n", to: place.data + "/fao.txt")
      do {
        try run(try job(place, yaml()))
        Issue.record("the data are others")
      } catch TrainError.otherTraining(_, let differences) {
        #expect(differences.map(\.path) == ["data.text.fao"])
      }
    }

    @Test func `a finished training is not done again`() throws {
      let place = try Place()
      let first = try run(try job(place, yaml()))
      let events = Events()
      let second = try run(try job(place, yaml()), events)
      #expect(second.json == first.json)
      #expect(events.steps.isEmpty)
      #expect(events.messages.contains { $0.contains("done") })
    }

    @Test func `a folder with something else in it is left alone`() throws {
      let place = try Place()
      try Disk.makeFolder(place.out)
      try Disk.write("mine", to: place.out + "/notes.txt")
      #expect(throws: TrainError.occupied(place.out)) { try run(try job(place, yaml())) }
      #expect(throws: TrainError.occupied(place.out)) {
        try run(try job(place, yaml()), restart: true)
      }
      #expect(try Disk.readText(place.out + "/notes.txt") == "mine")
    }

    @Test func `examples and text are trained together, and a checkpoint is gone on from`() throws {
      let place = try Place()
      try run(try job(place, yaml()))
      let next = try TrainRecipe(
        yaml: """
          model: \(place.out)
          window_length: 32
          text: {fao: {files: [fao.txt]}}
          examples: {rows: {files: [rows.jsonl]}}
          mix: {examples: {rows: 0.5}}
          training: {epochs: 1, batch_size: 4, log_every: 1}

          """, origin: "next.yaml")
      let job = TrainJob(next, out: place.root + "/next", dataFolder: place.data)
      let summary = try run(job)
      let sources = try #require(summary.json["sources"]?.array)
      #expect(sources.compactMap { $0["name"]?.string } == ["fao", "rows"])
      #expect(sources.allSatisfy { ($0["trained_tokens"]?.int ?? 0) > 0 })
    }

    // MARK: Looking ahead

    @Test func `a plan tells of tokens, steps, memory and time, and leaves nothing`() throws {
      let place = try Place()
      let plan = try job(place, yaml()).plan()
      #expect(!Disk.exists(place.out))
      #expect(plan.json["steps"]?.int == 6)
      #expect(plan.json["tokens"]?.int == 6 * 2 * 32)
      let sources = try #require(plan.json["sources"]?.array)
      #expect(sources.count == 2)
      #expect(sources.allSatisfy { ($0["tokens_per_word"]?.double ?? 0) > 0 })
      #expect(plan.json["held_out"]?.array?.count == 2)
      #expect((plan.json["probed_bytes"]?.int ?? 0) > 0)
      #expect((plan.json["seconds"]?.double ?? 0) > 0)
      for width in [40, 80, 200] {
        let text = plan.text(TerminalStyle(width: width))
        for line in text.split(separator: "\n") { #expect(DisplayWidth.of(line) <= width) }
        #expect(text.contains("fao"))
      }
    }

    @Test func `a plan does not try what cannot fit`() throws {
      let place = try Place()
      var small = try job(place, yaml())
      small.availableMemory = { 1000 }
      let plan = try small.plan()
      #expect(plan.json["probed_bytes"]?.isNull == true)
      #expect(plan.json["seconds"]?.isNull == true)
      #expect(plan.json["fits"] == false)
      #expect(plan.text(TerminalStyle(width: 200)).contains("would be refused"))
    }

    @Test func `what cannot be meant is refused, looking ahead or not`() throws {
      let place = try Place()
      func message(_ yaml: String) -> String {
        do {
          _ = try job(place, yaml).plan()
          return ""
        } catch { return (error as? any Diagnosed)?.description ?? "\(error)" }
      }
      #expect(message(yaml(", warmup_steps: 6")).contains("fewer than the training's steps (6)"))
      #expect(
        message(yaml(", schedule: wsd, warmup_steps: 2, decay_steps: 5"))
          .contains("what the warm-up leaves of 6 steps (4)"))
      #expect(message(yaml(", schedule: wsd, warmup_steps: 2, decay_steps: 4")) == "")
      #expect(
        message(yaml("", ", tasks: [{task: sib20, language: eng_Latn}]"))
          .contains("There is no task `sib20`"))
      #expect(message(yaml(extra: "mix: {schedule: []}")).contains("at least one point"))
      // A model that is there has as many positions as it has.
      try run(try job(place, yaml()))
      let next = yaml().replacing("window_length: 32", with: "window_length: 65")
        .replacing(/config: [^}]*}\n/, with: "model: \(place.out)\n")
        .replacing("tokenizer: {vocab_size: 300}\n", with: "")
      #expect(message(next).contains("the model's max_position_embeddings (64)"))
    }

    @Test func `a batch is shown with what is trained in it`() throws {
      let place = try Place()
      let recipe = try TrainRecipe(
        yaml: """
          window_length: 40
          config: {hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2}
          tokenizer: {vocab_size: 300}
          text: {fao: {files: [fao.txt], deduplicate: false}}
          examples: {rows: {files: [rows.jsonl]}}
          mix: {examples: {rows: 0.5}}

          """, origin: "t.yaml")
      let windows = try TrainJob(recipe, out: place.out, dataFolder: place.data)
        .batch(windowCount: 2)
      #expect(!Disk.exists(place.out))
      #expect(windows.count == 2)
      #expect(windows.allSatisfy { $0.tokens.count == 41 && $0.tokens[0].weight == nil })
      // Of an example the completion and its end are trained, the prompt is not.
      let example = try #require(windows.first { $0.tokens.contains { $0.source == "rows" } })
      #expect(example.tokens.contains { $0.weight == 0 && $0.segment == 0 })
      #expect(example.tokens.contains { $0.weight == 1 && $0.segment == 0 })
      let text = try #require(windows.first { $0.tokens.contains { $0.source == "fao" } })
      #expect(text.weightSum > example.weightSum)
    }

    @Test func `conversations are trained through the model's chat template`() throws {
      let place = try Place()
      try run(try job(place, yaml()))
      let template =
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% if m.role == 'assistant' %}"
        + "{{ eos_token }}{% endif %}{% endfor %}"
      try Disk.write(template, to: place.out + "/chat_template.jinja")
      let row = """
        {"messages": [{"role": "user", "content": "hetta er"}, \
        {"role": "assistant", "content": "bygd"}]}

        """
      try Disk.write(String(repeating: row, count: 4), to: place.data + "/chat.jsonl")
      let recipe = try TrainRecipe(
        yaml: """
          model: \(place.out)
          window_length: 40
          examples: {chat: {files: [chat.jsonl]}}
          training: {steps: 2, batch_size: 2}

          """, origin: "t.yaml")
      let job = TrainJob(recipe, out: place.root + "/chat", dataFolder: place.data)
      let window = try #require(try job.batch(windowCount: 1).first)
      let trained = window.tokens.filter(\.isTrained).map(\.text).joined()
      #expect(trained.contains("bygd"), "\(trained)")
      #expect(!trained.contains("hetta"), "\(trained)")
      let summary = try run(job)
      #expect(summary.json["steps"]?.int == 2)
    }

    // MARK: The example of the docs

    @Test func `the example trains on the laboratory languages`() throws {
      let place = try Place()
      let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Examples/train/lab.yaml").path
      var settings = LabSettings()
      settings.seed = 1
      let lab = place.root + "/lab"
      _ = try Lab.write(to: lab, settings: settings, replacing: false) { _, _ in }
      let text = try Disk.readText(path)
        .replacing("steps: 300", with: "steps: 2").replacing("every: 100 #", with: "every: 1 #")
        .replacing("batch_size: 16", with: "batch_size: 2")
        .replacing("max_bytes: 40_000", with: "max_bytes: 600")
        .replacing("num_hidden_layers: 4", with: "num_hidden_layers: 1")
      let recipe = try TrainRecipe(yaml: text, origin: path)
      #expect(recipe.length == .steps(2))
      let summary = try run(TrainJob(recipe, out: place.out, dataFolder: lab))
      #expect(summary.json["steps"]?.int == 2)
      let bits = try #require(summary.json["scores"]?["bits_per_byte"]?.object)
      #expect(bits.keys == ["qaa", "qab"])
      _ = try Checkpoint.open(directory: place.out + "/averaged")
    }
  }
#endif
