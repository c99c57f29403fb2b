// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if os(Linux)
  import Foundation

  /// Starts the running test program several times under mpirun. Each process runs one test only,
  /// the entry of ranks, which does the job that `RankProcesses.job` names.
  public enum RankProcesses {
    private static let jobKey = "KOINE_TEST_RANKS_JOB"
    private static let folderKey = "KOINE_TEST_RANKS_FOLDER"

    /// What this process is to do as a rank; `nil` in a process that is none.
    public static var job: String? { ProcessInfo.processInfo.environment[jobKey] }

    /// The folder that the ranks share with the test.
    public static var folder: String? { ProcessInfo.processInfo.environment[folderKey] }

    /// One write, so that lines of several ranks do not mix.
    public static func say(_ line: String) {
      FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    /// What starts ranks.
    public enum Launcher: Sendable {
      case mpirun
      /// One process, to which the variables of a launcher say that it is one of several.
      case none
    }

    /// Runs `count` ranks until the last has ended.
    ///
    /// - Parameter entry: the name of the test that is the entry of ranks.
    public static func run(
      _ job: String, count: Int, folder: String = "", entry: String, launcher: Launcher = .mpirun
    ) throws -> (status: Int32, output: String) {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      process.arguments =
        (launcher == .mpirun ? ["mpirun", "--oversubscribe", "-n", "\(count)"] : [])
        + [program, "--testing-library", "swift-testing", "--filter", entry]
      var environment = ProcessInfo.processInfo.environment
      environment[jobKey] = job
      environment[folderKey] = folder
      if launcher == .none { environment["PMI_SIZE"] = "\(count)" }
      // Tests may run as root in a container, which Open MPI wants to be told.
      environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
      environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
      process.environment = environment
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      try process.run()
      let output = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
  }
#endif
