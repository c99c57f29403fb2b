// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The machine a benchmark ran on, for its record.
enum Machine {
  /// Processor, cores, memory, system; one line.
  static var description: String {
    let processor =
      field("model name", in: "/proc/cpuinfo")
      ?? output(["sysctl", "-n", "machdep.cpu.brand_string"])
    let memory = Double(ProcessInfo.processInfo.physicalMemory) / 1e9
    return [
      processor ?? "unknown processor", "\(ProcessInfo.processInfo.activeProcessorCount) cores",
      String(format: "%.0f GB", memory), output(["uname", "-sr"]) ?? "",
    ].joined(separator: ", ")
  }

  /// The kind of file system a folder is on.
  static func fileSystem(of folder: String) -> String {
    #if os(Linux)
      output(["df", "--output=fstype", folder])?.split(separator: "\n").last.map(String.init)
        ?? "unknown"
    #else
      output(["stat", "-f", "%T", folder]) ?? "unknown"
    #endif
  }

  private static func field(_ name: String, in file: String) -> String? {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) })
    else { return nil }
    return line.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private static func output(_ command: [String]) -> String? {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self)
    return process.terminationStatus == 0
      ? text.trimmingCharacters(in: .whitespacesAndNewlines) : nil
  }
}
