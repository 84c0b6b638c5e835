use tonic::Code;

use super::{
    client::{ask, client},
    *,
};

#[test]
fn a_server_that_is_dropped_gives_up_what_is_under_way() {
    let models = TestModels::new();
    let server = serve(&models, Limits::default());
    run(async {
        let client = client(server.address()).await;
        let asked: Vec<_> = (0..100)
            .map(|_| {
                let mut client = client.clone();
                tokio::spawn(async move { client.model_infer(ask("gate", "", 10_000)).await })
            })
            .collect();
        until("all are under way", || models.asked.load(Relaxed) == 100).await;
        tokio::task::spawn_blocking(|| drop(server)).await.unwrap();
        assert_eq!(
            models.given_up.load(Relaxed),
            100,
            "when it is gone, so are they"
        );
        for asked in asked {
            let status = asked.await.unwrap().unwrap_err();
            assert_ne!(status.code(), Code::Ok);
        }
        assert_eq!(
            Arc::strong_count(&models),
            1,
            "nobody has the models any more"
        );
    });
}

#[test]
fn a_server_can_begin_where_one_has_ended_under_load() {
    let models = TestModels::new();
    let first = serve(&models, Limits::default());
    let address = first.address();
    run(async {
        let client = client(address).await;
        let asking = tokio::spawn(async move {
            let mut client = client;
            while client
                .model_infer(ask("identity", "", 50_000))
                .await
                .is_ok()
            {}
        });
        until("it is asked", || models.asked.load(Relaxed) > 20).await;
        tokio::task::spawn_blocking(|| drop(first)).await.unwrap();
        asking.await.unwrap();
    });
    let held: Arc<dyn Models> = models.clone();
    let second = Server::builder(held).address(address).serve().unwrap();
    run(async {
        let mut client = client(second.address()).await;
        client.model_infer(ask("identity", "", 1)).await.unwrap();
    });
}

#[test]
fn a_load_that_takes_long_does_not_hold_up_the_end() {
    struct Slow(Arc<TestModels>, Arc<AtomicUsize>);

    impl Models for Slow {
        fn index(&self) -> Vec<Listed> {
            self.0.index()
        }
        fn load(&self, _: &str) -> Result<(), ControlError> {
            self.1.fetch_add(1, Relaxed);
            std::thread::sleep(Duration::from_secs(30));
            Ok(())
        }
        fn unload(&self, name: &str) -> Result<(), ControlError> {
            self.0.unload(name)
        }
        fn described(&self, name: &str, version: &str) -> Result<Arc<Description>, ControlError> {
            self.0.described(name, version)
        }
        fn statistics(&self, name: &str, version: &str) -> Result<Statistics, ControlError> {
            self.0.statistics(name, version)
        }
        fn infer(&self, request: InferenceRequest) -> Answering {
            self.0.infer(request)
        }
    }

    let loads = Arc::new(AtomicUsize::new(0));
    let models = Arc::new(Slow(TestModels::new(), loads.clone()));
    let server = Server::builder(models)
        .address(([127, 0, 0, 1], 0).into())
        .serve()
        .unwrap();
    run(async {
        let mut client = client(server.address()).await;
        let loading = tokio::spawn({
            let mut client = client.clone();
            async move {
                let request = crate::control::protocol::inference::RepositoryModelLoadRequest {
                    model_name: "later".into(),
                    ..Default::default()
                };
                client.repository_model_load(request).await
            }
        });
        until("it is being loaded", || loads.load(Relaxed) == 1).await;
        client.model_infer(ask("identity", "", 1)).await.unwrap();
        tokio::task::spawn_blocking(|| drop(server)).await.unwrap();
        assert_ne!(loading.await.unwrap().unwrap_err().code(), Code::Ok);
    });
}
