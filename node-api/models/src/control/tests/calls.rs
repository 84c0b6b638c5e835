use std::collections::HashMap;

use tonic::Code;

use super::{
    client::{client, health},
    *,
};
use crate::control::protocol::{
    health::{HealthCheckRequest, health_check_response::ServingStatus},
    inference::{model_repository_parameter::ParameterChoice, *},
};

fn named(name: &str) -> ModelMetadataRequest {
    ModelMetadataRequest {
        name: name.into(),
        version: String::new(),
    }
}

#[test]
fn the_server_tells_of_itself() {
    let server = serve(&TestModels::new(), Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        assert!(
            client
                .server_live(ServerLiveRequest {})
                .await
                .unwrap()
                .into_inner()
                .live
        );
        assert!(
            client
                .server_ready(ServerReadyRequest {})
                .await
                .unwrap()
                .into_inner()
                .ready
        );
        let told = client
            .server_metadata(ServerMetadataRequest {})
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            (&told.name[..], &told.version[..]),
            ("zenoh-pinned", env!("CARGO_PKG_VERSION"))
        );
        assert!(told.extensions.contains(&"model_repository".into()));
    });
}

#[test]
fn a_model_is_described() {
    let server = serve(&TestModels::new(), Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        let told = client
            .model_metadata(named("typed"))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            (&told.name[..], &told.platform[..], &told.versions[..]),
            ("typed", "test", &["1".to_owned()][..])
        );
        let ports: Vec<_> = told
            .inputs
            .iter()
            .map(|port| (&port.name[..], &port.datatype[..], &port.shape[..]))
            .collect();
        assert_eq!(ports, [("x", "FP32", &[1, -1][..]), ("n", "INT64", &[2])]);
        let config = ModelConfigRequest {
            name: "typed".into(),
            version: "1".into(),
        };
        let config = client
            .model_config(config)
            .await
            .unwrap()
            .into_inner()
            .config
            .unwrap();
        assert_eq!(
            (
                config.max_batch_size,
                config.input[1].data_type,
                &config.output[0].dims[..]
            ),
            (0, 9, &[1, -1][..])
        );

        for (name, version, code) in [
            ("none", "", Code::NotFound),
            ("typed", "2", Code::NotFound),
            ("later", "", Code::Unavailable),
        ] {
            let (name, version) = (name.to_owned(), version.to_owned());
            let asked = ModelMetadataRequest {
                name: name.clone(),
                version: version.clone(),
            };
            assert_eq!(
                client.model_metadata(asked).await.unwrap_err().code(),
                code,
                "{name}"
            );
            let asked = ModelConfigRequest {
                name: name.clone(),
                version: version.clone(),
            };
            assert_eq!(
                client.model_config(asked).await.unwrap_err().code(),
                code,
                "{name}"
            );
            let asked = ModelReadyRequest { name, version };
            assert!(!client.model_ready(asked).await.unwrap().into_inner().ready);
        }
        let asked = ModelReadyRequest {
            name: "typed".into(),
            version: "1".into(),
        };
        assert!(client.model_ready(asked).await.unwrap().into_inner().ready);
    });
}

#[test]
fn models_are_loaded_and_unloaded() {
    let server = serve(&TestModels::new(), Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        let ready = RepositoryIndexRequest {
            ready: true,
            ..Default::default()
        };
        let all = client
            .repository_index(RepositoryIndexRequest::default())
            .await
            .unwrap()
            .into_inner()
            .models;
        let later = all.iter().find(|line| line.name == "later").unwrap();
        assert_eq!(&later.state, "UNAVAILABLE");
        assert_eq!(
            client
                .repository_index(ready.clone())
                .await
                .unwrap()
                .into_inner()
                .models
                .len(),
            all.len() - 1
        );

        let load = |name: &str| RepositoryModelLoadRequest {
            model_name: name.into(),
            ..Default::default()
        };
        client.repository_model_load(load("later")).await.unwrap();
        assert_eq!(
            client
                .repository_index(ready.clone())
                .await
                .unwrap()
                .into_inner()
                .models
                .len(),
            all.len()
        );
        for (name, code, word) in [
            ("none", Code::NotFound, "unknown model"),
            ("fails", Code::Internal, "on purpose"),
            ("breaks", Code::Internal, "broke"),
        ] {
            let status = client.repository_model_load(load(name)).await.unwrap_err();
            assert_eq!(status.code(), code);
            assert!(status.message().contains(word), "{status}");
        }
        let flag = ModelRepositoryParameter {
            parameter_choice: Some(ParameterChoice::BoolParam(true)),
        };
        let unload = |name: &str, parameter: &str| RepositoryModelUnloadRequest {
            model_name: name.into(),
            parameters: HashMap::from([(parameter.into(), flag.clone())]),
            ..Default::default()
        };
        client
            .repository_model_unload(unload("later", "unload_dependents"))
            .await
            .unwrap();
        assert_eq!(
            client
                .repository_index(ready)
                .await
                .unwrap()
                .into_inner()
                .models
                .len(),
            all.len() - 1
        );
        let status = client
            .repository_model_unload(unload("none", "unload_dependents"))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        let status = client
            .repository_model_unload(unload("typed", "force"))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
    });
}

#[test]
fn what_the_server_has_not_is_refused_with_a_word() {
    let server = serve(&TestModels::new(), Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        let other = String::from("other");
        let refused = [
            client
                .repository_index(RepositoryIndexRequest {
                    repository_name: other.clone(),
                    ready: false,
                })
                .await
                .unwrap_err(),
            client
                .repository_model_load(RepositoryModelLoadRequest {
                    repository_name: other.clone(),
                    ..Default::default()
                })
                .await
                .unwrap_err(),
            client
                .repository_model_load(RepositoryModelLoadRequest {
                    parameters: HashMap::from([("config".into(), Default::default())]),
                    ..Default::default()
                })
                .await
                .unwrap_err(),
            client
                .repository_model_unload(RepositoryModelUnloadRequest {
                    repository_name: other,
                    ..Default::default()
                })
                .await
                .unwrap_err(),
            client
                .system_shared_memory_register(SystemSharedMemoryRegisterRequest::default())
                .await
                .unwrap_err(),
            client
                .cuda_shared_memory_register(CudaSharedMemoryRegisterRequest::default())
                .await
                .unwrap_err(),
            client
                .trace_setting(TraceSettingRequest::default())
                .await
                .unwrap_err(),
            client
                .log_settings(LogSettingsRequest::default())
                .await
                .unwrap_err(),
        ];
        for status in refused {
            assert_eq!(status.code(), Code::Unimplemented, "{status}");
            assert!(status.message().len() > 20, "{status}");
        }
        let none = client
            .system_shared_memory_status(SystemSharedMemoryStatusRequest::default())
            .await;
        assert!(none.unwrap().into_inner().regions.is_empty());
        let none = client
            .cuda_shared_memory_status(CudaSharedMemoryStatusRequest::default())
            .await;
        assert!(none.unwrap().into_inner().regions.is_empty());
        client
            .system_shared_memory_unregister(SystemSharedMemoryUnregisterRequest::default())
            .await
            .unwrap();
        client
            .cuda_shared_memory_unregister(CudaSharedMemoryUnregisterRequest::default())
            .await
            .unwrap();
    });
}

#[test]
fn statistics_are_of_one_model_or_of_all_that_are_ready() {
    let server = serve(&TestModels::new(), Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        let asked = |name: &str| ModelStatisticsRequest {
            name: name.into(),
            version: String::new(),
        };
        let one = client
            .model_statistics(asked("typed"))
            .await
            .unwrap()
            .into_inner()
            .model_stats;
        assert_eq!(
            (one.len(), &one[0].name[..], &one[0].version[..]),
            (1, "typed", "1")
        );
        assert_eq!(one[0].inference_stats.unwrap().success.unwrap().ns, 7);
        assert_eq!(one[0].batch_stats[0].batch_size, 1);
        assert!(one[0].last_inference > 1_500_000_000_000);
        let all = client
            .model_statistics(asked(""))
            .await
            .unwrap()
            .into_inner()
            .model_stats;
        assert_eq!(all.len(), READY.len());
        let status = client.model_statistics(asked("none")).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "as Triton has it");
    });
}

#[test]
fn health_is_checked_and_watched() {
    let models = TestModels::new();
    let server = serve(
        &models,
        Limits {
            watchers: 2,
            ..Limits::default()
        },
    );
    run(async {
        let mut health = health(server.address()).await;
        let of = |service: &str| HealthCheckRequest {
            service: service.into(),
        };
        for (service, expected) in [("", 1), ("identity", 1), ("later", 2)] {
            assert_eq!(
                health.check(of(service)).await.unwrap().into_inner().status,
                expected,
                "{service}"
            );
        }
        assert_eq!(
            health.check(of("none")).await.unwrap_err().code(),
            Code::NotFound
        );
        let mut unknown = health.watch(of("none")).await.unwrap().into_inner();
        let told = unknown.message().await.unwrap().unwrap().status();
        assert_eq!(told, ServingStatus::ServiceUnknown);
        let mut later = health.watch(of("later")).await.unwrap().into_inner();
        assert_eq!(
            later.message().await.unwrap().unwrap().status(),
            ServingStatus::NotServing
        );
        models.set("later", ModelState::Ready).unwrap();
        assert_eq!(
            later.message().await.unwrap().unwrap().status(),
            ServingStatus::Serving
        );
        let full = health.watch(of("")).await.unwrap_err();
        assert_eq!(full.code(), Code::ResourceExhausted);
        drop((unknown, later));
        for _ in 0..6000 {
            if health.watch(of("")).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("a watcher's place is not given back");
    });
}
