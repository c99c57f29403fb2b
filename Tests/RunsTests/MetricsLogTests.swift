// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Runs

@Suite struct MetricsLogTests {
  private func text(_ path: String) throws -> String {
    String(decoding: try FileBytes.read(path), as: UTF8.self)
  }

  @Test func `lines have mlx-lm's names and come back`() throws {
    try Fixture.folder { path in
      let file = path + "/metrics.jsonl"
      let records = [
        MetricRecord(
          step: "base", iteration: 10,
          values: ["train_loss": 5.25, "learning_rate": 8e-05, "trained_tokens": 40960]),
        MetricRecord(step: "base", iteration: 20, values: ["val_loss": .infinity]),
      ]
      let log = try MetricsLog(appendingTo: file)
      for record in records { try log.append(record) }
      try log.synchronize()
      #expect(
        try text(file) == """
          {"iteration":10,"learning_rate":8e-05,"step":"base","train_loss":5.25,"trained_tokens":40960.0}
          {"iteration":20,"step":"base","val_loss":"Infinity"}

          """)
      #expect(try MetricsLog.read(file) == records)
      #expect(
        records[0].points.map(\.name) == ["learning_rate", "train_loss", "trained_tokens"])
    }
  }

  @Test func `what will be written again is cut off, and the rest stays as it was`() throws {
    try Fixture.folder { folder in
      let file = folder + "/metrics.jsonl"
      let records = [1, 2, 2, 3, 5].map {
        MetricRecord(step: "ct", iteration: $0, values: ["train_loss": 1 / Double($0)])
      }
      do {
        let log = try MetricsLog(appendingTo: file)
        for record in records { try log.append(record) }
      }
      try MetricsLog.keepLines(of: file) { $0.iteration <= 3 }
      #expect(try MetricsLog.read(file).map(\.iteration) == [1, 2, 3])
      try MetricsLog(appendingTo: file).append(records[4])
      #expect(try MetricsLog.read(file).map(\.iteration) == [1, 2, 3, 5])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["metrics.jsonl"])
    }
  }

  @Test func `a torn last line is ignored and cut off at every byte`() throws {
    try Fixture.folder { path in
      let whole = #"{"iteration":1,"step":"ct","train_loss":3.5}"# + "\n"
      let torn = #"{"iteration":2,"step":"ct","train_loss":3.25}"#
      for length in 0...torn.utf8.count {
        let file = path + "/m\(length).jsonl"
        try Data((whole + torn.prefix(length)).utf8).write(to: URL(fileURLWithPath: file))
        #expect(try MetricsLog.read(file).map(\.iteration) == [1])
        let log = try MetricsLog(appendingTo: file)
        try log.append(MetricRecord(step: "ct", iteration: 2, values: ["train_loss": 3]))
        #expect(
          try text(file) == whole + #"{"iteration":2,"step":"ct","train_loss":3.0}"# + "\n")
      }
    }
  }

  @Test func `after a resume the later line counts`() throws {
    try Fixture.folder { path in
      let file = path + "/metrics.jsonl"
      for (iteration, loss) in [(1, 5.0), (2, 4.0), (3, 3.9), (2, 4.5), (3, 3.5)] {
        try MetricsLog(appendingTo: file).append(
          MetricRecord(step: "ct", iteration: iteration, values: ["train_loss": loss]))
      }
      let records = try MetricsLog.read(file)
      #expect(records.map(\.iteration) == [1, 2, 3])
      #expect(records.map { $0.values["train_loss"] } == [5, 4.5, 3.5])
      let curve = LossCurve(step: "ct", metrics: records.flatMap(\.points))
      #expect(curve.training.map(\.loss) == [5, 4.5, 3.5] && curve.validation.isEmpty)
    }
  }

  @Test func `a bad line in the middle is named`() throws {
    try Fixture.folder { path in
      let file = path + "/metrics.jsonl"
      for (line, problem) in [
        ("{oops", "it is not well-formed JSON"),
        ("[]", "expected an object with `step` and `iteration`"),
        (#"{"step":"a","iteration":1,"x":null}"#, "`x` should be a number"),
      ] {
        try Data("{\"iteration\":1,\"step\":\"a\"}\n\(line)\n".utf8)
          .write(to: URL(fileURLWithPath: file))
        #expect(throws: RunsError.malformedRecord(path: file, line: 2, problem: problem)) {
          try MetricsLog.read(file)
        }
      }
    }
  }
}
