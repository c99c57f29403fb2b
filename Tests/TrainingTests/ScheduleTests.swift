// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Training

struct ScheduleTests {
  private func rates(_ kind: LearningRateSchedule.Kind) -> [Double] {
    var settings = TrainingSettings()
    settings.steps = 100
    settings.learningRate = 2
    settings.schedule = kind
    settings.warmup = 0.1
    settings.decay = 0.2
    settings.finalRate = 0.25
    let schedule = LearningRateSchedule(settings)
    return (0..<100).map { schedule.rate(at: $0) }
  }

  @Test(arguments: LearningRateSchedule.Kind.allCases)
  func `the warm-up is a straight line from above zero to the peak`(
    kind: LearningRateSchedule.Kind
  ) {
    let rates = rates(kind)
    for step in 0..<10 { #expect(abs(rates[step] - 0.2 * Double(step + 1)) < 1e-12) }
  }

  @Test func `the cosine passes its middle halfway and ends at the final rate`() {
    let rates = rates(.cosine)
    #expect(abs(rates[54] - (2 + 0.5) / 2) < 1e-12)
    #expect(abs(rates[99] - 0.5) < 1e-12)
    #expect(zip(rates[10...], rates[11...]).allSatisfy { $0 > $1 })
  }

  @Test func `WSD is flat, then a straight line to the final rate`() {
    let rates = rates(.wsd)
    #expect(rates[10..<80].allSatisfy { $0 == 2 })
    #expect(abs(rates[89] - 1.25) < 1e-12)
    #expect(abs(rates[99] - 0.5) < 1e-12)
  }

  @Test func `the constant schedule stays`() {
    #expect(rates(.constant)[10...].allSatisfy { $0 == 2 })
  }

  @Test func `a plateau that is extended keeps its rates`() {
    var short = TrainingSettings()
    short.schedule = .wsd
    short.steps = 100
    short.warmup = 0.1
    var long = short
    long.steps = 1000
    long.warmup = 0.01
    for step in 0..<80 {
      #expect(
        LearningRateSchedule(short).rate(at: step) == LearningRateSchedule(long).rate(at: step))
    }
  }

  @Test func `a run can be extended after the steps whose rates ask for no length`() throws {
    func steps(_ change: (inout TrainingSettings) -> Void) -> Int {
      var settings = TrainingSettings()
      settings.steps = 100
      settings.warmupSteps = 5
      change(&settings)
      return LearningRateSchedule(settings).extendableSteps
    }
    #expect(
      steps {
        $0.schedule = .wsd
        $0.decaySteps = 30
      } == 70)
    // No plateau: the decay begins behind the warm-up.
    #expect(
      steps {
        $0.schedule = .wsd
        $0.decaySteps = 100
      } == 5)
    #expect(steps { $0.schedule = .constant } == .max)
    #expect(steps { $0.schedule = .inverseSquareRoot } == .max)
    #expect(steps { $0.schedule = .cosine } == 0 && steps { $0.schedule = .linear } == 0)
  }

  @Test func `settings are read by their keys and ranges are kept`() throws {
    var settings = try Settings(
      YAML.parse("steps: 7\nschedule: wsd\nlearning_rate: 3e-4\n", origin: "r.yaml"),
      origin: "r.yaml")
    let read = try TrainingSettings(&settings)
    try settings.finish()
    #expect(read.steps == 7)
    #expect(read.schedule == .wsd)
    #expect(read.learningRate == 3e-4)
    for text in ["steps: 0", "schedule: cosin", "warmup: 1.5", "clip_norm: much"] {
      var bad = try Settings(YAML.parse(text, origin: "r.yaml"), origin: "r.yaml")
      #expect(throws: DocumentError.self) { try TrainingSettings(&bad) }
    }
  }

  @Test func `rates are those of transformers one step ahead`() throws {
    let golden = TrainingGolden.values["schedules"]?.object?.members ?? []
    #expect(golden.count == 8)
    for (title, values) in golden {
      let kind = String(title.prefix { $0 != "," })
      var settings = try TrainingGolden.settings(
        "{steps: 100, learning_rate: 2, warmup_steps: 10, decay_steps: 20, schedule: \(kind)}")
      settings.finalRate = kind == "linear" ? 0 : 0.25
      if kind == "wsd" { settings.warmupFrom = 0.25 }
      if title == "wsd, cosine" {
        // transformers' default of half a cycle is half a cosine.
        settings.decayShape = .cosine
      }
      if title == "wsd, 1-sqrt" { settings.decayShape = .oneMinusSquareRoot }
      if title == "inverse_sqrt, timescale" { settings.timescale = 40 }
      let schedule = LearningRateSchedule(settings)
      for (step, expected) in TrainingGolden.numbers(values).enumerated() {
        #expect(abs(schedule.rate(at: step) - expected) < 1e-12, "\(title), step \(step)")
      }
    }
  }

  @Test func `a run that goes on from another is warmed up from its rate`() throws {
    let settings = try TrainingGolden.settings(
      "{steps: 100, learning_rate: 2, warmup_steps: 4, warmup_from: 0.1, schedule: constant}")
    let schedule = LearningRateSchedule(settings)
    let rates = (0..<5).map { schedule.rate(at: $0) }
    for (rate, expected) in zip(rates, [0.65, 1.1, 1.55, 2, 2]) {
      #expect(abs(rate - expected) < 1e-12)
    }
  }

  @Test(arguments: [
    "schedule: cosin", "{warmup: 0.1, warmup_steps: 3}", "{decay: 0.1, decay_steps: 3}",
    "warmup_from: 2", "decay_shape: square", "timescale: -1",
  ])
  func `a schedule that cannot be is refused`(text: String) {
    #expect(throws: DocumentError.self) { try TrainingGolden.settings(text) }
  }
}
