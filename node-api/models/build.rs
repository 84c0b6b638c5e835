//! Makes Rust of the two protocols of the control plane, without a compiler of protobuf's.

#[cfg(not(feature = "control"))]
fn main() {}

#[cfg(feature = "control")]
const FILES: [&str; 2] = ["proto/inference.proto", "proto/health.proto"];

/// Tensors' bytes stay in the message that they came with.
#[cfg(feature = "control")]
const SHARED: [&str; 3] = [
    ".inference.InferTensorContents.bytes_contents",
    ".inference.ModelInferRequest.raw_input_contents",
    ".inference.ModelInferResponse.raw_output_contents",
];

#[cfg(feature = "control")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    for file in FILES {
        println!("cargo:rerun-if-changed={file}");
    }
    let mut generator = tonic_prost_build::configure()
        .build_transport(false)
        .codec_path("crate::control::codec::CountedCodec")
        .client_mod_attribute(".", "#[cfg(test)]");
    for field in SHARED {
        generator = generator.bytes(field);
    }
    Ok(generator.compile_fds(protox::compile(FILES, ["proto"])?)?)
}
