//! Providers that differ from a real one in a few methods: the others are passed on.

/// Passes the methods that are named on to the provider in a field: `forward!(inner: kind check …)`.
macro_rules! forward {
    ($field:tt:) => {};
    ($field:tt: kind $($rest:ident)*) => {
        fn kind(&self) -> vertex_backup::provider::ProviderKind { self.$field.kind() }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: capabilities $($rest:ident)*) => {
        fn capabilities(&self) -> vertex_backup::provider::Capabilities { self.$field.capabilities() }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: check $($rest:ident)*) => {
        fn check(&self) -> vertex_backup::provider::Result<vertex_backup::provider::Connection> {
            self.$field.check()
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: claim $($rest:ident)*) => {
        fn claim(&self) -> vertex_backup::provider::Result<String> { self.$field.claim() }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: quota $($rest:ident)*) => {
        fn quota(&self) -> vertex_backup::provider::Result<vertex_backup::provider::Quota> {
            self.$field.quota()
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: stat $($rest:ident)*) => {
        fn stat(
            &self,
            name: &vertex_backup::name::FileName,
        ) -> vertex_backup::provider::Result<Option<vertex_backup::provider::Object>> {
            self.$field.stat(name)
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: list_page $($rest:ident)*) => {
        fn list_page(
            &self,
            page: Option<&str>,
            visit: &mut dyn FnMut(vertex_backup::provider::Object) -> anyhow::Result<()>,
        ) -> anyhow::Result<Option<String>> {
            self.$field.list_page(page, visit)
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: read $($rest:ident)*) => {
        fn read(
            &self,
            object: &vertex_backup::provider::Object,
            offset: u64,
        ) -> vertex_backup::provider::Result<Box<dyn std::io::Read>> {
            self.$field.read(object, offset)
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: begin $($rest:ident)*) => {
        fn begin(
            &self,
            name: &vertex_backup::name::FileName,
            size: u64,
        ) -> vertex_backup::provider::Result<vertex_backup::provider::Session> {
            self.$field.begin(name, size)
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: send $($rest:ident)*) => {
        fn send(
            &self,
            session: &vertex_backup::provider::Session,
            body: &mut dyn vertex_backup::provider::Content,
            task: &dyn vertex_backup::progress::Task,
        ) -> vertex_backup::provider::Result<()> {
            self.$field.send(session, body, task)
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: inspect $($rest:ident)*) => {
        fn inspect(
            &self,
            session: &vertex_backup::provider::Session,
            look: vertex_backup::provider::Look,
            task: &dyn vertex_backup::progress::Task,
        ) -> vertex_backup::provider::Result<vertex_backup::provider::Object> {
            self.$field.inspect(session, look, task)
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: publish $($rest:ident)*) => {
        fn publish(
            &self,
            session: &vertex_backup::provider::Session,
            staged: &vertex_backup::provider::Object,
        ) -> vertex_backup::provider::Result<vertex_backup::provider::Object> {
            self.$field.publish(session, staged)
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: settle $($rest:ident)*) => {
        fn settle(
            &self,
            object: &vertex_backup::provider::Object,
        ) -> vertex_backup::provider::Result<()> {
            self.$field.settle(object)
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: discard $($rest:ident)*) => {
        fn discard(
            &self,
            session: &vertex_backup::provider::Session,
        ) -> vertex_backup::provider::Result<bool> {
            self.$field.discard(session)
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
    ($field:tt: delete $($rest:ident)*) => {
        fn delete(
            &self,
            name: &vertex_backup::name::FileName,
            deletion: vertex_backup::provider::Deletion,
        ) -> vertex_backup::provider::Result<bool> {
            self.$field.delete(name, deletion)
        }
        $crate::support::forward::forward!($field: $($rest)*);
    };
}
pub(crate) use forward;
